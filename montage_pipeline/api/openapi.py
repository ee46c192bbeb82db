"""The OpenAPI document: what the models cannot say by themselves.

Belongs here: the introduction, examples, and the limits of this installation.
Does not belong here: fields and answers; those are described where they are declared.
"""

from typing import Any

from fastapi import FastAPI

from montage_pipeline.api.schemas.events import SCHEMAS, event_schema
from montage_pipeline.errors import ErrorCode
from montage_pipeline.settings import Settings

DESCRIPTION = """
Hand in raw clips, get a finished Reel.

1. `POST /api/uploads` for each clip (and your own music, if any) that is not on the web yet, and
   PUT its bytes.
2. `POST /api/content-items` with the clips, a style, a format and a length.
3. Watch `GET /api/content-items/{contentItemId}/events`, or poll its `/status`, until it is `draft`
   (finished) or `failed`.

Every answer that is not a success has the form `{"error": {"code", "message", "details"}}`. Every
answer carries `X-Request-Id`.
"""

_USER_ID = "6f1a2c34-0d2e-4f6b-9a57-2f3f1f1f9c11"
_ITEM_ID = "0b9f7a52-3d0c-4e2e-8f0e-9a4f1f0b7c21"
_CLIP_URL = f"s3://montage/uploads/{_USER_ID}/7c2f1f6e-8f43-4a51-9b8e-1f3f0a2d4c5b/beach.mp4"
_REQUEST_ID = "3a1e9a0c-51a7-4c55-a1d6-7d1f0c2b9e10"

_ASKED: dict[str, Any] = {
    "type": "reel",
    "title": "Sunday at the beach",
    "clipUrls": [_CLIP_URL, "https://media.example.com/clips/surf.mov"],
    "style": "travel",
    "format": "reel",
    "durationSec": 30,
}
_GENERATING: dict[str, Any] = {
    "id": _ITEM_ID,
    "status": "generating",
    "progressStep": "music_track",
    "progressPercent": 40,
    "progressDetail": None,
    "generatedMediaUrl": None,
    "musicUrl": None,
    "posterUrl": None,
    "renditions": [],
    "requestId": _REQUEST_ID,
    "reelRequestId": None,
    "planRequestId": None,
    "error": None,
    "updatedAt": "2026-05-04T09:30:12.123456Z",
}
_FAILED: dict[str, Any] = {
    **_GENERATING,
    "status": "failed",
    "progressStep": "edit_timeline",
    "progressPercent": 60,
    "error": {
        "code": ErrorCode.NOT_ENOUGH_FOOTAGE.value,
        "message": "The clips give 9 s of usable footage for a Reel of 30 s: 21 s are missing.",
        "step": "edit_timeline",
        "attempts": 1,
        "runId": "1f0c2b9e-10aa-4c55-a1d6-7d3a1e9a0c51",
        "details": {},
    },
}
_FINISHED: dict[str, Any] = {
    **_GENERATING,
    **_ASKED,
    "wishes": {
        "hookClip": None,
        "mustUse": [_CLIP_URL],
        "exclude": [],
        "musicUrl": None,
        "targetBpm": 120,
        "captions": None,
        "look": "matched",
        "shortCuts": False,
        "prompt": "sunset, the dog, no faces",
        "keepMusic": False,
        "variants": 1,
        "planOnly": False,
        "preview": False,
        "formats": [],
    },
    "status": "draft",
    "progressStep": "r2_object",
    "progressPercent": 100,
    "generatedMediaUrl": "https://media.example.com/reels/5f0c.mp4",
    "musicUrl": "https://media.example.com/reels/5f0c.music.wav",
    "posterUrl": "https://media.example.com/reels/5f0c.jpg",
    "renditions": [
        {
            "format": "reel",
            "preview": False,
            "width": 1080,
            "height": 1920,
            "bytes": 24_117_248,
            "url": "https://media.example.com/reels/5f0c.mp4",
            "posterUrl": "https://media.example.com/reels/5f0c.jpg",
            "requestId": _REQUEST_ID,
        }
    ],
    "reelRequestId": _REQUEST_ID,
    "planRequestId": _REQUEST_ID,
    "warnings": [],
    "tries": [
        {
            "step": "music_track",
            "number": 1,
            "code": ErrorCode.MUSIC_RATE_LIMITED.value,
            "message": "fal asks to slow down (HTTP 429: slow down).",
            "at": "2026-05-04T09:29:02.512000Z",
        }
    ],
    "clips": [
        {
            "url": _CLIP_URL,
            "name": "beach.mp4",
            "segments": [{"startSec": 4.2, "endSec": 5.9, "reelSec": 0.0}],
            "reason": None,
        },
        {
            "url": "https://example.com/pier.mp4",
            "name": "pier.mp4",
            "segments": [],
            "reason": "better moments of other clips filled the 30 s",
        },
    ],
    "originality": {
        "score": 0.94,
        "parts": [
            {
                "name": "clip variety",
                "score": 0.94,
                "weight": 1.0,
                "note": "9 cuts from 6 of 7 usable clips, at the most 2 from one.",
            }
        ],
    },
    "createdAt": "2026-05-04T09:28:40.004211Z",
}
_SEGMENT: dict[str, Any] = {
    "number": 0,
    "clip": 2,
    "moment": "c2m0",
    "startSec": 4.2,
    "endSec": 5.9,
    "reelSec": 0.0,
    "frames": 51,
    "role": "hook",
    "onBeat": True,
    "score": 0.91,
    "why": "Opens the Reel: the strongest opening of all clips (hook 0.91).",
    "crop": {"x": 0.342, "y": 0.0, "width": 0.316, "height": 1.0},
    "cropEnd": None,
    "caption": "",
    "clipGainDb": -16.0,
    "thumbnailUrl": "https://media.example.com/work/3a1e9a0c/segments/000.jpg",
    "locked": False,
    "muted": False,
    "heard": True,
    "slip": {"earlier": -12, "later": 40},
    "trim": {"begin": [], "end": []},
    "alternatives": [
        {
            "id": "c0m3@12.40",
            "clip": 0,
            "moment": "c0m3",
            "startSec": 12.4,
            "endSec": 14.1,
            "points": -0.4,
            "what": "A dog shakes itself dry: interest 0.84, technically good.",
            "why": "For the whole Reel 0.4 points worse than what is shown.",
            "thumbnailUrl": "https://media.example.com/work/3a1e9a0c/alternatives/c0m3@12.40.jpg",
        }
    ],
}
_DELIVERY: dict[str, Any] = {
    "id": "9d2f6c1e-5b1a-4a55-8d0e-6a4f1f0b7c44",
    "event": "content_item.done",
    "payload": {
        "type": "content_item.done",
        "timestamp": "2026-05-04T09:30:12.123456+00:00",
        "data": {"id": _ITEM_ID, "requestId": _REQUEST_ID, "status": "draft", "error": None},
    },
    "state": "delivered",
    "attempts": 1,
    "answerStatus": 204,
    "problem": None,
    "nextAttemptAt": None,
    "deliveredAt": "2026-05-04T09:30:13Z",
    "createdAt": "2026-05-04T09:30:12Z",
}
_WRONG_DURATION = {"field": "durationSec", "message": "Input should be less than or equal to 90"}

EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "NewContentItemBody": [_ASKED],
    "AcceptedOut": [{"id": _ITEM_ID, "requestId": _REQUEST_ID, "status": "generating"}],
    "StatusOut": [_GENERATING, _FAILED],
    "ContentItemOut": [_FINISHED],
    "ContentItemsOut": [{"items": [_FINISHED], "nextBefore": None}],
    "WishesBody": [{"mustUse": [_CLIP_URL], "targetBpm": 120, "captions": "Three days by the sea"}],
    "UploadBody": [{"fileName": "beach.mp4", "contentType": "video/mp4", "bytes": 482_130}],
    "UploadOut": [
        {
            "uploadUrl": "https://account.r2.cloudflarestorage.com/montage/uploads/…?X-Amz-Signature=…",
            "clipUrl": _CLIP_URL,
            "method": "PUT",
            "headers": {
                "Content-Type": "video/mp4",
                "Content-Disposition": "attachment; filename*=UTF-8''beach.mp4",
                "Content-Encoding": "identity",
            },
            "expiresAt": "2026-05-04T10:30:12Z",
        }
    ],
    "CostsOut": [
        {
            "since": "2026-05-01T00:00:00Z",
            "totalUsd": "0.031200000000",
            "byService": {"claude": "0.011200000000", "fal": "0.020000000000"},
            "rows": [],
        }
    ],
    "ItemChangesBody": [{"title": "Three days by the sea"}],
    "PosterBody": [{"rank": 2}],
    "RenderBody": [{"preview": True}, {"formats": ["square", "landscape"]}],
    "PlanReadyOut": [
        {
            "id": _ITEM_ID,
            "requestId": _REQUEST_ID,
            "artefacts": f"/api/content-items/{_ITEM_ID}/artefacts?requestId={_REQUEST_ID}",
        }
    ],
    "CoverOut": [
        {
            "rank": 1,
            "timeSec": 0.8333,
            "score": 0.81,
            "why": "Steady camera, a face: sharp, well lit",
            "url": "https://media.example.com/reels/5f0c.jpg",
            "chosen": True,
        }
    ],
    "SegmentOut": [_SEGMENT],
    "WebhookBody": [{"url": "https://app.example.com/hooks/montage"}],
    "DeliveryOut": [_DELIVERY],
    "ErrorEnvelope": [
        {
            "error": {
                "code": ErrorCode.VALIDATION_ERROR.value,
                "message": "durationSec: Input should be less than or equal to 90",
                "details": {"errors": [_WRONG_DURATION]},
            }
        }
    ],
}
"""Examples by model; here and not in the models, because FastAPI drops nulls from what it finds
there.
"""


_CLIP_LISTS = (
    ("NewContentItemBody", "clipUrls"),
    *(
        (body, field)
        for body in ("NewContentItemBody", "WishesBody")
        for field in ("mustUse", "exclude")
    ),
)


def describe(app: FastAPI, settings: Settings) -> None:
    """Make `app.openapi()` give a document that is true for an installation with these settings."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = FastAPI.openapi(app)
            schemas = made["components"]["schemas"]
            schemas |= SCHEMAS
            stream = made["paths"]["/api/content-items/{contentItemId}/events"]["get"]["responses"]
            stream["200"]["content"]["text/event-stream"]["itemSchema"] = event_schema()
            for body, field in _CLIP_LISTS:
                schemas[body]["properties"][field]["maxItems"] = settings.max_clips
            _limit_uploads(schemas["UploadBody"], settings)
            for model, examples in EXAMPLES.items():
                schemas[model]["examples"] = examples
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _limit_uploads(body: dict[str, Any], settings: Settings) -> None:
    """Music has a limit of its own."""
    size, kind = body["properties"]["bytes"], body["properties"]["contentType"]
    size["maximum"] = max(settings.max_clip_bytes, settings.max_music_bytes)
    limits = {"video": settings.max_clip_bytes, "audio": settings.max_music_bytes}
    body["oneOf"] = [
        {
            "properties": {
                "contentType": {"pattern": kind["pattern"].replace("(video|audio)", medium)},
                "bytes": {"maximum": limit},
            }
        }
        for medium, limit in limits.items()
    ]
