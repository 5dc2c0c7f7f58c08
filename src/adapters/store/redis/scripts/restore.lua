-- KEYS: state, entries, checkpoints, store, index (the last two are the state itself in a cluster). A chain comes in
-- pieces, none of which is part of the ledger until the last one writes its head; whoever appends meanwhile wins.
local state = redis.call('HMGET', KEYS[1], 'seq', 'head', 'restoring')
redis.call('XLEN', KEYS[2])
redis.call('ZCARD', KEYS[3])
local id = redis.call('HGET', KEYS[4], 'id')
if id ~= a.id and not (a.cluster and not id) then return {'other', id or ''} end
if state[1] then return {'known', state[2]} end
if a.first then
    redis.call('HSET', KEYS[1], 'restoring', a.nonce)
    redis.call('DEL', KEYS[2], KEYS[3])
elseif state[3] ~= a.nonce then
    return {'overtaken'}
end
for at = 2, #ARGV, 2 do
    redis.call('XADD', KEYS[2], ARGV[at] .. '-0', 'entry', ARGV[at + 1])
end
if a.checkpoint then redis.call('ZADD', KEYS[3], a.checkpoint_seq, a.checkpoint) end
if a.end_seq then
    redis.call('HSET', KEYS[1], 'id', a.id, 'seq', a.end_seq, 'hash', a.end_hash, 'head', a.end_head)
    if a.generation then redis.call('HSET', KEYS[1], 'generation', a.generation, 'exposed', a.exposed) end
    redis.call('HDEL', KEYS[1], 'restoring')
    if not a.cluster then redis.call('HSET', KEYS[5], a.name, 'written') end
end
return {'ok'}
