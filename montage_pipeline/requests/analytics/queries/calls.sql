SELECT
    (call.created_at AT TIME ZONE 'UTC')::date AS day,
    date_trunc('month', call.created_at AT TIME ZONE 'UTC')::date AS month,
    call.id AS call_id,
    call.user_id,
    call.montage_request_id AS request_id,
    request.content_item_id AS item_id,
    request.style,
    request.format,
    request.duration_sec,
    request.state AS request_state,
    call.service,
    -- A price version is `day of the table:model[@first day]`; where there is none, fal's endpoint
    -- is the model.
    COALESCE(
        NULLIF(
            split_part(
                split_part(COALESCE(call.price_version, bought.price_version), ':', 2), '@', 1
            ),
            ''
        ),
        CASE WHEN call.service = 'fal' THEN call.endpoint END,
        'unknown'
    ) AS model,
    COALESCE(call.asset, 'none') AS step,
    call.state,
    call.cost_usd,
    call.predicted_usd,
    CASE
        WHEN call.cost_usd = 0 THEN NULL
        WHEN call.usage @> '{"uncertain": true}' THEN 'in_doubt'
        WHEN call.usage ? 'unusable' THEN 'unusable_answer'
        WHEN EXISTS (
            SELECT FROM api_cost_logs AS again
            WHERE again.montage_request_id = call.montage_request_id
            AND again.fingerprint = call.fingerprint
            AND again.service = call.service
            AND again.endpoint = call.endpoint
            AND again.cost_usd > 0
            AND (again.created_at, again.id) > (call.created_at, call.id)
        ) THEN 'bought_again'
        WHEN request.state = 'failed' THEN 'request_failed'
        WHEN request.state = 'canceled' THEN 'request_canceled'
    END AS waste,
    CASE WHEN call.usage ? 'reused_from' THEN COALESCE(bought.cost_usd, 0) END AS saved_usd,
    call.created_at AS made_at,
    CASE WHEN call.state <> 'pending' THEN call.updated_at END AS closed_at
FROM api_cost_logs AS call
LEFT JOIN montage_requests AS request ON request.id = call.montage_request_id
-- What the step cost the request whose purchase was used again.
LEFT JOIN LATERAL (
    SELECT sum(cost_usd) AS cost_usd, max(price_version) AS price_version
    FROM api_cost_logs AS earlier
    WHERE earlier.montage_request_id = (call.usage ->> 'reused_from')::uuid
    AND earlier.service = call.service
    AND earlier.asset = call.asset
) AS bought ON call.usage ? 'reused_from'
