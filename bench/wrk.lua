-- What wrk sends and tells. Arguments: a file of requests, separated by NUL and sent in turn; the
-- number of the first; "statuses" to count what is answered, which costs wrk a third of its speed.
-- With two more, an event and its seats in a row, each request that ends in a colon and a blank is
-- completed with the next seat.

local requests, sent, event, seats_per_row = {}, 0, nil, nil
local threads = {}

function setup(thread)
   threads[#threads + 1] = thread
end

function init(args)
   for one in io.open(args[1], "rb"):read("*a"):gmatch("[^%z]+") do
      requests[#requests + 1] = one
   end
   sent = tonumber(args[2])
   event, seats_per_row = tonumber(args[4]), tonumber(args[5])
   if args[3] == "statuses" then
      statuses = {}
      response = function(status)
         statuses[status] = (statuses[status] or 0) + 1
      end
   end
end

function request()
   local one = requests[sent % #requests + 1]
   if event and one:sub(-2) == ": " then
      local row, number = math.floor(sent / seats_per_row) + 1, sent % seats_per_row + 1
      one = one .. string.format("%d}", event * 10000000 + row * 10000 + number)
   end
   sent = sent + 1
   next_request = sent
   return one
end

function done(summary, latency)
   local counted = {}
   for status, count in pairs(threads[1]:get("statuses") or {}) do
      counted[#counted + 1] = string.format('"%d": %d', status, count)
   end
   local errors = summary.errors
   io.write(string.format(
      '\n{"requests": %d, "seconds": %f, "next": %d, "statuses": {%s}, "refused": %d,'
         .. ' "errors": {"connect": %d, "read": %d, "write": %d, "timeout": %d},'
         .. ' "p50_ms": %.2f, "p99_ms": %.2f, "p999_ms": %.2f, "max_ms": %.2f}\n',
      summary.requests, summary.duration / 1e6, threads[1]:get("next_request") or 0,
      table.concat(counted, ", "), errors.status,
      errors.connect, errors.read, errors.write, errors.timeout,
      latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3,
      latency.max / 1e3
   ))
end
