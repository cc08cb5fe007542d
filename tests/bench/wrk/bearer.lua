-- GET requests, with each of the bearer tokens in a file so many times, and then
-- with the next:
--     wrk -s bearer.lua http://... -- tokens times
local requests, times, turn = {}, 1, 0

function init(args)
  times = tonumber(args[2])
  for token in io.lines(args[1]) do
    local headers = { ["Authorization"] = "Bearer " .. token }
    requests[#requests + 1] = wrk.format("GET", nil, headers)
  end
end

function request()
  turn = (turn + 1) % (times * #requests)
  return requests[math.floor(turn / times) + 1]
end
