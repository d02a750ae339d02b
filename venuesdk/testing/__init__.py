"""What programs are tested with: simulated venues that speak, and misbehave, on loopback."""

from __future__ import annotations

from venuesdk.testing.server import SimulatedVenue, simulate, venues

__all__ = ["SimulatedVenue", "simulate", "venues"]
