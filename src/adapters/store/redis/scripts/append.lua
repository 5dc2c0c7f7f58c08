-- KEYS: state, entries, checkpoints, tokens, policies, decisions, decided, lease, store, index (the last two are the
-- state itself in a cluster, where they live in other slots).
-- One step for the server: it checks everything first and then writes, and nothing it writes can fail any more. An error
-- in the middle of a script undoes nothing, so every key is read before the first is written (another type of value is
-- found then), and the first write is one that a server without room refuses.
local state = redis.call('HMGET', KEYS[1], 'seq', 'hash', 'head', 'generation', 'last')
local seq, hash, head = state[1] or '0', state[2] or a.genesis, state[3] or ''
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
redis.call('ZCARD', KEYS[3])
redis.call('HLEN', KEYS[5])
redis.call('HLEN', KEYS[6])
redis.call('ZCARD', KEYS[7])
local kept = redis.call('HMGET', KEYS[8], 'fence', 'holder', 'until')
local id = redis.call('HGET', KEYS[9], 'id')

if id ~= a.id and not (a.cluster and not id) then return {'other', id or ''} end
if a.seen_seq and (newer(a.seen_seq, seq) or (a.seen_seq == seq and a.seen_hash ~= hash)) then
    return {'back', seq}
end
local written = redis.call('ZSCORE', KEYS[4], a.token)
if written then
    -- Waiting for replicas only counts what this very connection wrote: so it writes.
    if a.touch then redis.call('HSET', KEYS[1], 'asked', a.nonce) end
    return {'again', head, state[5] == a.nonce and 1 or 0, written}
end

if a.authority == 'leader' then
    local fence = kept[1] or '0'
    if newer(fence, a.fence) then return {'stale', a.fence, fence} end
    local holder = live(kept, clock(a.shift))
    if holder ~= a.holder or fence ~= a.fence then
        if a.cluster and not (holder and fence == a.fence) then return {'unheard'} end
        return {'led', holder or ''}
    end
elseif a.authority == 'unled' then
    if a.led ~= '' then return {'led', a.led} end
    local holder = live(kept, clock(a.shift))
    if holder and not (a.cluster and not newer(kept[1], a.led_fence)) then return {'led', holder} end
end
if seq ~= a.seq or hash ~= a.hash then return {'conflict', head} end
if a.broken then return {'broken'} end
if last[1] then
    local at = string.match(last[1][1], '^%d+')
    if newer(at, seq) and seq ~= '0' then return {'torn', at} end
end
if a.generation then
    local held = state[4] or '0'
    if not newer(a.generation, held) then return {'stale', a.generation, held} end
end

if seq == '0' and last[1] then redis.call('DEL', KEYS[2]) end
local at = 2
for _ = 1, a.entries do
    redis.call('XADD', KEYS[2], ARGV[at] .. '-0', 'entry', ARGV[at + 1])
    at = at + 2
end
redis.call('HSET', KEYS[1], 'id', a.id, 'seq', a.end_seq, 'hash', a.end_hash, 'head', a.end_head, 'last', a.nonce)
redis.call('HDEL', KEYS[1], 'restoring')
redis.call('ZADD', KEYS[4], a.end_seq, a.token)
if a.generation then redis.call('HSET', KEYS[1], 'generation', a.generation, 'exposed', a.exposed) end
for _ = 1, a.policies do
    redis.call('HSETNX', KEYS[5], ARGV[at], ARGV[at + 1])
    at = at + 2
end
for _ = 1, a.decisions do
    redis.call('HSET', KEYS[6], ARGV[at], ARGV[at + 1])
    redis.call('ZADD', KEYS[7], a.end_seq, ARGV[at])
    at = at + 2
end
if a.checkpoint then
    redis.call('ZREMRANGEBYSCORE', KEYS[3], a.checkpoint_seq, a.checkpoint_seq)
    redis.call('ZADD', KEYS[3], a.checkpoint_seq, a.checkpoint)
end
if not a.cluster and seq == '0' then redis.call('HSET', KEYS[10], a.name, 'written') end
return {'ok'}
