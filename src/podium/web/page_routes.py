"""The table of pages: each address, who may open it, and the view that answers."""

from __future__ import annotations

from functools import partial

from podium.access import Action
from podium.web import (
    alerts,
    comparison,
    deletion_pages,
    docs,
    docs_model,
    home_page,
    inbox_pages,
    job_pages,
    metrics,
    monitor,
    pages,
    probes,
    quality_pages,
    record_pages,
    static,
    traffic_pages,
    upload_pages,
    version_pages,
    whatif_page,
)
from podium.web.router import FILTERED, LISTED, OPEN, Route

_GET, _POST = ("GET",), ("POST",)
_ASKS = (*_GET, *_POST)
_RECORDS, _RECORD = "/models/{name}/records", "/records/{record_id}"
_VERSIONS = "/models/{name}/versions"
_INBOX, _MONITOR = "/models/{name}/inbox", "/models/{name}/monitor"
_reading = partial(Route, is_page=True, reads=True)
PAGES = (
    Route("home", _GET, "/", home_page.index, LISTED, is_page=True),
    Route("model", _GET, "/models/{name}", pages.model, Action.PREDICT, is_page=True, reads="from"),
    Route(
        "form",
        _POST,
        "/models/{name}",
        pages.predict,
        Action.PREDICT,
        is_page=True,
        is_prediction=True,
    ),
    Route(
        "whatif",
        _POST,
        "/models/{name}/whatif",
        whatif_page.ask,
        Action.PREDICT,
        is_page=True,
        is_prediction=True,
    ),
    Route("paste", _POST, "/models/{name}/paste", pages.paste, Action.PREDICT, is_page=True),
    _reading("result", _GET, "/models/{name}/results/{record_id}", pages.result, Action.SEE_OWN),
    _reading("records", _GET, _RECORDS, record_pages.index, Action.SEE_OWN),
    _reading("records_csv", _GET, f"{_RECORDS}.csv", record_pages.csv, Action.SEE_OWN),
    Route(
        "save_link",
        _POST,
        f"{_RECORDS}/links",
        record_pages.save_link,
        Action.SEE_OWN,
        is_page=True,
    ),
    _reading("record", _GET, _RECORD, record_pages.detail, LISTED),
    _reading("feedback", _ASKS, f"{_RECORD}/feedback", record_pages.feedback, LISTED),
    _reading("inbox", _GET, _INBOX, inbox_pages.index, Action.FEEDBACK),
    _reading("inbox_line", _POST, _INBOX, inbox_pages.give, Action.FEEDBACK),
    _reading("inbox_file", _POST, f"{_INBOX}/file", inbox_pages.give_file, Action.FEEDBACK),
    _reading("delete_records", _ASKS, f"{_RECORDS}/delete", deletion_pages.several, Action.DELETE),
    _reading("delete_record", _ASKS, f"{_RECORD}/delete", deletion_pages.one, LISTED),
    *job_pages.ROUTES,
    Route("versions", _GET, _VERSIONS, version_pages.index, Action.MANAGE, is_page=True),
    Route("change_version", _POST, _VERSIONS, version_pages.change, Action.MANAGE, is_page=True),
    Route(
        "set_traffic",
        _POST,
        "/models/{name}/traffic",
        traffic_pages.change,
        Action.MANAGE,
        is_page=True,
    ),
    Route("monitor", _GET, "/monitor", monitor.index, LISTED, is_page=True),
    Route(
        "acknowledge_alert",
        _POST,
        "/models/{name}/alerts/{number}/acknowledge",
        alerts.acknowledge,
        Action.MANAGE,
        is_page=True,
    ),
    _reading("quality", _GET, "/models/{name}/quality", quality_pages.index, Action.SEE),
    Route("model_monitor", _GET, _MONITOR, monitor.model, Action.SEE, is_page=True),
    _reading("compare", _GET, "/models/{name}/compare", comparison.index, Action.MANAGE),
    Route(
        "upload_version",
        _POST,
        f"{_VERSIONS}/upload",
        upload_pages.form,
        Action.MANAGE,
        is_page=True,
        upload="bundle",
    ),
    Route("docs", _GET, "/docs", docs.index, LISTED, is_page=True),
    Route("docs_model", _GET, "/docs/{name}", docs_model.show, LISTED, is_page=True),
    Route("try", _POST, "/docs/{name}", docs_model.send, LISTED, is_page=True),
    Route("alive", _GET, "/", probes.alive, OPEN),
    Route("livez", _GET, "/livez", probes.livez, OPEN),
    Route("readyz", _GET, "/readyz", probes.readyz, FILTERED),
    Route("metrics", _GET, "/metrics", metrics.show, Action.METRICS, is_for_both=True),
    Route("static", _GET, "/static/{file}", static.serve, OPEN),
    Route("favicon", _GET, "/favicon.ico", static.favicon, OPEN),
)
