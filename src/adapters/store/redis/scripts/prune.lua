-- KEYS: state, entries, checkpoints, tokens, decisions, decided. Drops what is up to an entry, which the caller has read
-- and compared with the checkpoint that stays. It frees room, so a server without any must not refuse it: its first
-- write is one that needs none.
local found = redis.call('XRANGE', KEYS[2], a.seq .. '-0', a.seq .. '-0')
redis.call('ZCARD', KEYS[3])
redis.call('ZCARD', KEYS[4])
redis.call('HLEN', KEYS[5])
redis.call('ZCARD', KEYS[6])
if not found[1] or found[1][2][2] ~= a.entry then
    return {'gone', redis.call('HGET', KEYS[1], 'head') or ''}
end
local dropped = redis.call('XTRIM', KEYS[2], 'MINID', a.next .. '-0')
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', a.seq)
redis.call('ZADD', KEYS[3], a.seq, a.checkpoint)
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', a.seq)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', a.seq)) do
    redis.call('HDEL', KEYS[5], id)
end
redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', a.seq)
return {'ok', digits(dropped)}
