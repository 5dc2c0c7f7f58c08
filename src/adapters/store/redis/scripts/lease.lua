-- KEYS: lease, store (the lease itself in a cluster). The fence outlives every lease, and only grows.
local kept = redis.call('HMGET', KEYS[1], 'fence', 'holder', 'until')
local id = redis.call('HGET', KEYS[2], 'id')
local fence, now = kept[1] or '0', clock(a.shift)
local holder = live(kept, now)
if id ~= a.id and not (a.cluster and not id) then return {'other', id or ''} end
if newer(a.seen, fence) then return {'back', fence} end

if a.verb == 'look' then
    if holder then return {'led', holder, fence, kept[3], digits(tonumber(kept[3]) - now)} end
    return {'free', fence}
end
if a.verb == 'acquire' then
    if holder and holder ~= a.holder then return {'led', holder} end
    if not holder then
        if newer(a.floor, fence) then fence = a.floor end
        fence = digits(tonumber(fence) + 1)
    end
elseif newer(fence, a.fence) and a.verb ~= 'release' then
    return {'stale', a.fence, fence}
elseif a.verb == 'release' then
    -- Whether its time is over or not: nobody has it afterwards.
    if kept[2] == a.holder and fence == a.fence then redis.call('HDEL', KEYS[1], 'holder', 'until') end
    return {'ok'}
elseif holder ~= a.holder or fence ~= a.fence then
    return {'led', holder or ''}
end
local till = digits(now + a.term)
redis.call('HSET', KEYS[1], 'id', a.id, 'fence', fence, 'holder', a.holder, 'until', till)
return {'ok', fence, till}
