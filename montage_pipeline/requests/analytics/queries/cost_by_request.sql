SELECT
    (request.created_at AT TIME ZONE 'UTC')::date AS day,
    request.id AS request_id,
    request.content_item_id AS item_id,
    request.user_id,
    request.style,
    request.format,
    request.duration_sec,
    request.state,
    request.state = 'succeeded' AS delivered,
    bought.calls,
    bought.cost_usd,
    bought.predicted_usd,
    bought.analysis_usd,
    bought.music_usd,
    bought.wasted_usd,
    request.finished_at
FROM montage_requests AS request
CROSS JOIN LATERAL (
    SELECT
        count(*) AS calls,
        COALESCE(sum(cost_usd), 0) AS cost_usd,
        COALESCE(sum(predicted_usd), 0) AS predicted_usd,
        COALESCE(sum(cost_usd) FILTER (WHERE step = 'clip_analysis'), 0) AS analysis_usd,
        COALESCE(sum(cost_usd) FILTER (WHERE step = 'music_track'), 0) AS music_usd,
        COALESCE(sum(cost_usd) FILTER (WHERE waste IS NOT NULL), 0) AS wasted_usd
    FROM analytics.calls
    WHERE calls.request_id = request.id
) AS bought
