-- KEYS: store. Finds shape and name of the store; makes it if that is wanted.
local kept = redis.call('HMGET', KEYS[1], 'version', 'id')
if kept[1] then return {'is', kept[1], kept[2] or ''} end
if not a.create then return {'none'} end
redis.call('HSET', KEYS[1], 'version', a.version, 'id', a.id)
return {'is', a.version, a.id}
