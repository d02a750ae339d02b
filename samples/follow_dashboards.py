"""Follow the dashboards of an account: all of them as they are now, after every change."""

from queue import SimpleQueue

from venuesdk import Backoff, OnyxClient
from venuesdk.testing import simulate
from venuesdk.venues.onyx import DashboardsView

views: SimpleQueue[DashboardsView] = SimpleQueue()

with (
    simulate("onyx") as venue,
    OnyxClient(url=venue.url, token=venue.token, reconnect=Backoff(initial=0.1)) as client,
    client.mirror_dashboards(views.put, on_gap=print) as mirror,
):
    view = views.get(timeout=5)  # the full list; then a view for every change
    print(f"there are {len(view)}:", *(board["name"] for board in view))
    before = set(view.by_key)
    for _ in range(6):
        after = set(views.get(timeout=5).by_key)
        print("came:", *(after - before), "went:", *(before - after))
        before = after
    venue.drop()  # the venue sends the full list on the next connection
    while (view := views.get(timeout=5)).epoch < 2:
        pass
    now = mirror.wait(timeout=5)  # the newest, or where there is none now, the next
    print(f"after the cut there are {len(now)}:", *(board["name"] for board in now))
