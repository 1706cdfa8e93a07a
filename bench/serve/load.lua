-- The load: requests made beforehand from the lines of a file, one body a line; without a file, GET.
local requests = {}
local at = 0

function init(args)
   wrk.headers["Content-Type"] = "application/json"
   local token = os.getenv("BENCH_TOKEN")
   if token and token ~= "" then
      wrk.headers["Authorization"] = "Bearer " .. token
   end
   if args[1] then
      for line in io.lines(args[1]) do
         requests[#requests + 1] = wrk.format("POST", nil, nil, line)
      end
   else
      requests[1] = wrk.format("GET")
   end
end

function request()
   at = at % #requests + 1
   return requests[at]
end

function done(summary, latency, _)
   local errors = summary.errors
   io.write(string.format(
      '\nRESULT {"requests": %d, "seconds": %.6f, "p50_ms": %.6f, "p99_ms": %.6f, "failed": %d}\n',
      summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
      latency:percentile(99) / 1e3,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
