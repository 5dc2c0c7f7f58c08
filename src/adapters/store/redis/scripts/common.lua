-- Counts are texts of decimal digits: a Lua number cannot hold all 64 bits.
local function newer(a, b)
    if #a ~= #b then return #a > #b end
    return a > b
end
-- The server's own time in milliseconds; only tests shift it.
local function clock(shift)
    local time = redis.call('TIME')
    return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + shift
end
local function digits(number)
    return string.format('%.0f', number)
end
-- Who holds the lease kept in a hash, or nil.
local function live(kept, now)
    if kept[2] and kept[3] and now < tonumber(kept[3]) then return kept[2] end
    return nil
end
local a = cjson.decode(ARGV[1])
