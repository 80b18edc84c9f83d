"""A service app's token is obtained once: by one thread of one process."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from meeting_etl.times import Clock
from meeting_etl_tests.service_apps import service_app
from meeting_etl_tests.webex.conftest import Connect
from meeting_etl_tests.webex.processes import run_at_once
from meeting_etl_tests.webex.service_app_requests import ME, REFRESH, TOKEN, StartWebex, sent


def test_many_threads_obtain_one_token(connect: Connect, webex_of: StartWebex) -> None:
    webex = webex_of(clock=Clock())
    client = connect(webex.base_url, credentials=service_app(webex), clock=Clock())
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda _: client.get("/people/me"), range(32)))
    assert (sent(webex).count((REFRESH, 200)), sent(webex).count((TOKEN, 200))) == (1, 1)
    webex.revoke(webex.world.admin.email)
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda _: client.get("/people/me"), range(32)))
    assert (sent(webex).count((REFRESH, 200)), sent(webex).count((TOKEN, 200))) == (1, 2)


OTHER_PROCESS = """
import sys
from pathlib import Path
from meeting_etl.files import Files
from meeting_etl.state import LocalState
from meeting_etl.times import Clock
from meeting_etl.webex.auth import Auth
from meeting_etl.webex.bucket import FileBucket
from meeting_etl.webex.client import Client
from meeting_etl.webex.credentials import CredentialNames, Credentials, ServiceApp
from meeting_etl.webex.rate_limit import RateLimiter

folder, url, application_id, org, app_id, secret, client, client_secret, refresh = sys.argv[1:]
files, clock = Files(Path(folder)), Clock()
credentials = ServiceApp(
    application_id, org, app_id, secret, Credentials(None, client, client_secret, refresh),
    CredentialNames(), "[accounts.company]",
)
bucket = FileBucket(files, clock, requests_per_minute=0)
rate_limiter = RateLimiter(bucket, clock, max_wait_seconds=9)
client = Client(url, Auth(credentials, LocalState(files), clock, base_url=url), rate_limiter, clock)
print("ready", flush=True)
sys.stdin.readline()
client.get("/people/me")
client.close()
"""


def test_two_processes_obtain_one_token(webex_of: StartWebex, tmp_path: Path) -> None:
    webex = webex_of(clock=Clock())
    app = service_app(webex)
    own = (app.application_id, app.target_org_id, app.client_id, app.client_secret)
    integration = (webex.client_id, webex.client_secret, app.integration.refresh_token)
    arguments = [str(argument) for argument in (tmp_path, webex.base_url, *own, *integration)]
    run_at_once(OTHER_PROCESS, arguments, 2)
    assert sorted(sent(webex)) == [(REFRESH, 200), (TOKEN, 200), (ME, 200), (ME, 200)]
