-- KEYS: what a rollout's slot knows of the lease. A fence is only ever replaced by a higher one, or told again.
local fence = redis.call('HGET', KEYS[1], 'fence') or '0'
if newer(fence, a.fence) then return {'stale', a.fence, fence} end
redis.call('HSET', KEYS[1], 'fence', a.fence, 'holder', a.holder, 'until', digits(clock(a.shift) + a.remaining))
return {'ok'}
