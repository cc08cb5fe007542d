-- Logins, each of the next of so many people and from an address of its own,
-- as a proxy would report it:
--     wrk -s login.lua http://.../auth/login -- people password
local people, password, turn = 0, "", 0

function init(args)
  people, password = tonumber(args[1]), args[2]
end

function request()
  turn = turn + 1
  local address = string.format("10.%d.%d.%d", math.floor(turn / 65536) % 256,
                                math.floor(turn / 256) % 256, turn % 256)
  local body = string.format('{"identifier":"alice%d","password":"%s"}',
                             turn % people, password)
  local headers = { ["Content-Type"] = "application/json",
                    ["X-Forwarded-For"] = address }
  return wrk.format("POST", nil, headers, body)
end
