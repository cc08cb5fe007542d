-- GET requests, each with the next of the bearer tokens in a file:
--     wrk -s bearer.lua http://... -- tokens
local requests, turn = {}, 0

function init(args)
  for token in io.lines(args[1]) do
    local headers = { ["Authorization"] = "Bearer " .. token }
    requests[#requests + 1] = wrk.format("GET", nil, headers)
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
