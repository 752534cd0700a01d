// The boundary between the worker's TypeScript and the engine: convert, call, convert.
// No decision is taken here. Views into wasm memory are copied at once, because memory may grow.
#include <emscripten/bind.h>
#include <emscripten/emscripten.h>
#include <emscripten/val.h>

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "channel_values.h"
#include "mix/base/log.h"
#include "mix/crypto/system_rng.h"
#include "mix/tunnel/engine.h"
#include "values.h"

namespace {

using emscripten::val;
using namespace mix;

/// The browser's clocks: performance.now() and Date.now().
class BrowserClock final : public base::Clock {
 public:
  [[nodiscard]] base::TimePoint now() const override {
    const std::chrono::duration<double, std::milli> since_origin{emscripten_get_now()};
    return base::TimePoint{std::chrono::duration_cast<base::Duration>(since_origin)};
  }
  [[nodiscard]] base::WallTime wall_now() const override {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now());
  }
};

/// Forwards events to a JavaScript function when the page asked for tracing.
class JsLog final : public base::Log {
 public:
  explicit JsLog(val sink) : sink_(std::move(sink)) {}
  void event(const char* event, std::int64_t value) override {
    if (!sink_.isUndefined()) sink_(std::string{event}, static_cast<double>(value));
  }

 private:
  val sink_;
};

using wasm::bytes_from_js;
using wasm::if_given;
using wasm::milliseconds;
using wasm::to_js;

template <class T>
val failure(const base::Result<T>& result) {
  val out = val::object();
  out.set("ok", false);
  out.set("error", to_js(result.error()));
  return out;
}

val outcome(const base::Result<void>& result) {
  if (!result) return failure(result);
  val out = val::object();
  out.set("ok", true);
  return out;
}

val outcome(const base::Result<tunnel::JobId>& result) {
  if (!result) return failure(result);
  val out = val::object();
  out.set("ok", true);
  out.set("job", *result);
  return out;
}

val to_js(const http::HeaderList& headers) {
  val out = val::array();
  for (const auto& [name, value] : headers) {
    val pair = val::array();
    // Header values are bytes: given to JavaScript as ISO-8859-1, like fetch does.
    pair.call<void>("push", to_js(base::as_bytes(name)), to_js(base::as_bytes(value)));
    out.call<void>("push", pair);
  }
  return out;
}

val to_js(const std::optional<double>& number) { return number ? val(*number) : val::undefined(); }

/// Milliseconds.
val to_js(base::Duration duration) {
  return val(std::chrono::duration<double, std::milli>{duration}.count());
}

val figures(std::initializer_list<std::pair<const char*, std::uint64_t>> list) {
  val out = val::object();
  for (const auto& [name, value] : list) out.set(name, static_cast<double>(value));
  return out;
}

// --- options and requests in ---

/// The preset, and then what is given by itself.
void traffic_from_js(const val& js, mixnet::TrafficConfig& traffic) {
  if_given<std::string>(js, "trafficPreset", [&](const std::string& name) {
    if (const auto preset = mixnet::parse_traffic_preset(name)) {
      traffic = mixnet::traffic_preset(*preset);
    }
  });
  if_given<bool>(js, "disablePoissonTraffic", [&](auto v) { traffic.disable_main_poisson = v; });
  if_given<bool>(js, "disableCoverTraffic", [&](auto v) { traffic.disable_loop_cover = v; });
  if_given<bool>(js, "useLegacySphinxFormat",
                 [&](auto v) { traffic.use_legacy_sphinx_format = v; });
  if_given<double>(js, "averagePacketDelayMs",
                   [&](auto v) { traffic.average_packet_delay = milliseconds(v); });
  if_given<double>(js, "averageAckDelayMs",
                   [&](auto v) { traffic.average_ack_delay = milliseconds(v); });
  if_given<double>(js, "messageSendingAverageDelayMs",
                   [&](auto v) { traffic.message_sending_average_delay = milliseconds(v); });
  if_given<double>(js, "loopCoverAverageDelayMs",
                   [&](auto v) { traffic.loop_cover_average_delay = milliseconds(v); });
}

tunnel::Options options_from_js(const val& js) {
  tunnel::Options options;
  const val urls = js["nymApiUrls"];
  for (unsigned i = 0; i < urls["length"].as<unsigned>(); ++i) {
    options.nym_api_urls.push_back(urls[i].as<std::string>());
  }
  if_given<std::string>(js, "preferredIpr", [&](auto v) { options.preferred_ipr = v; });
  if_given<std::string>(js, "preferredGateway", [&](auto v) { options.preferred_gateway = v; });
  if_given<bool>(js, "exit", [&](auto v) { options.exit = v; });
  if_given<bool>(js, "forceTls", [&](auto v) { options.force_tls = v; });
  traffic_from_js(js, options.traffic);
  if_given<unsigned>(js, "openReplySurbs", [&](auto v) { options.open_reply_surbs = v; });
  if_given<unsigned>(js, "dataReplySurbs", [&](auto v) { options.data_reply_surbs = v; });
  if_given<std::string>(js, "primaryDns", [&](auto v) { options.primary_dns = v; });
  if_given<std::string>(js, "fallbackDns", [&](auto v) { options.fallback_dns = v; });
  if_given<double>(js, "connectTimeoutMs",
                   [&](auto v) { options.connect_timeout = milliseconds(v); });
  if_given<double>(js, "dnsTimeoutMs", [&](auto v) { options.dns_timeout = milliseconds(v); });
  if_given<double>(js, "tcpKeepaliveMs", [&](auto v) { options.tcp_keepalive = milliseconds(v); });
  if_given<unsigned>(js, "tcpBufferSize", [&](auto v) { options.tcp_buffer_size = v; });
  if_given<unsigned>(js, "maxRedirects",
                     [&](auto v) { options.max_redirects = static_cast<std::uint8_t>(v); });
  if_given<double>(js, "iprKeepaliveMs", [&](auto v) { options.ipr_keepalive = milliseconds(v); });
  if_given<unsigned>(js, "mtu", [&](auto v) { options.max_mtu = static_cast<std::uint16_t>(v); });
  // Pairs of host and 32 bytes, checked on the way.
  if (const val pins = js["tlsPins"]; !pins.isUndefined()) {
    for (unsigned i = 0; i < pins["length"].as<unsigned>(); ++i) {
      const base::Bytes digest = bytes_from_js(pins[i][1]);
      tls::Pin pin{};
      std::copy_n(digest.begin(), std::min(digest.size(), pin.size()), pin.begin());
      options.tls_pins[pins[i][0].as<std::string>()].push_back(pin);
    }
  }
  if_given<std::string>(js, "extraRoots", [&](auto v) { options.extra_roots = v; });
  if_given<bool>(js, "reconnect", [&](auto v) { options.reconnect.enabled = v; });
  if_given<unsigned>(js, "reconnectMaxAttempts",
                     [&](auto v) { options.reconnect.max_attempts = v; });
  if_given<double>(js, "reconnectMinDelayMs",
                   [&](auto v) { options.reconnect.min_delay = milliseconds(v); });
  if_given<double>(js, "reconnectMaxDelayMs",
                   [&](auto v) { options.reconnect.max_delay = milliseconds(v); });
  return options;
}

tunnel::FetchRequest request_from_js(const val& js) {
  tunnel::FetchRequest request;
  request.method = js["method"].as<std::string>();
  request.url = js["url"].as<std::string>();
  const val headers = js["headers"];
  for (unsigned i = 0; i < headers["length"].as<unsigned>(); ++i) {
    request.headers.emplace_back(base::to_string(bytes_from_js(headers[i][0])),
                                 base::to_string(bytes_from_js(headers[i][1])));
  }
  const val body = js["body"];
  if (!body.isUndefined() && !body.isNull()) request.body = bytes_from_js(body);
  if_given<std::string>(js, "redirect", [&](const std::string& v) {
    if (v == "manual") request.redirect = tunnel::RedirectMode::kManual;
    if (v == "error") request.redirect = tunnel::RedirectMode::kError;
  });
  if_given<unsigned>(js, "maxRedirects",
                     [&](auto v) { request.max_redirects = static_cast<std::uint8_t>(v); });
  if_given<bool>(js, "defaultHeaders", [&](auto v) { request.default_headers = v; });
  if_given<double>(js, "connectTimeoutMs",
                   [&](auto v) { request.connect_timeout = milliseconds(v); });
  if_given<double>(js, "headersTimeoutMs",
                   [&](auto v) { request.headers_timeout = milliseconds(v); });
  if_given<double>(js, "bodyTimeoutMs", [&](auto v) { request.body_timeout = milliseconds(v); });
  if_given<double>(js, "timeoutMs", [&](auto v) { request.total_timeout = milliseconds(v); });
  if_given<std::string>(js, "isolationKey", [&](auto v) { request.isolation_key = v; });
  if (const val streamed = js["streamed"]; !streamed.isUndefined()) {
    request.streamed.emplace();
    if_given<double>(streamed, "length",
                     [&](auto v) { request.streamed->length = static_cast<std::uint64_t>(v); });
    if_given<bool>(streamed, "replayable", [&](auto v) {
      request.replay = v ? http::Replay::kPossible : http::Replay::kImpossible;
    });
  }
  if_given<std::string>(js, "priority", [&](const std::string& v) {
    if (v == "high") request.priority = tunnel::Priority::kHigh;
    if (v == "low") request.priority = tunnel::Priority::kLow;
  });
  if_given<bool>(js, "decompress", [&](auto v) {
    request.decompress = v ? tunnel::Decompress::kOn : tunnel::Decompress::kOff;
  });
  if_given<bool>(js, "cookies", [&](auto v) {
    request.cookies = v ? tunnel::Cookies::kAsk : tunnel::Cookies::kNone;
  });
  if_given<bool>(js, "uploadNews", [&](auto v) {
    request.upload_news = v ? tunnel::UploadNews::kTell : tunnel::UploadNews::kNone;
  });
  if_given<double>(js, "maxResponseSize",
                   [&](auto v) { request.max_response_size = static_cast<std::uint64_t>(v); });
  return request;
}

tunnel::MessageRequest message_from_js(const val& js) {
  tunnel::MessageRequest message;
  message.to = js["to"].as<std::string>();
  if (js["addressing"].as<std::string>() == "senderTag") {
    message.addressing = tunnel::MessageTo::kSenderTag;
  }
  message.data = bytes_from_js(js["data"]);
  if_given<unsigned>(js, "replySurbs", [&](auto v) { message.reply_surbs = v; });
  if_given<std::string>(js, "lane", [&](const std::string& v) {
    if (v == "fast") message.lane = tunnel::MessageLane::kFast;
  });
  if_given<std::string>(js, "confirm", [&](const std::string& v) {
    if (v == "queued") message.confirm = tunnel::Confirm::kQueued;
  });
  if_given<double>(js, "timeoutMs", [&](auto v) { message.timeout = milliseconds(v); });
  return message;
}

/// Undefined: the keys live in memory only.
tunnel::StoredKeys stored_from_js(const val& js) {
  tunnel::StoredKeys stored;
  if (js.isUndefined()) return stored;
  stored.use = tunnel::StoredKeys::Use::kPersistent;
  const val record = js["record"], passphrase = js["passphrase"];
  if (!record.isUndefined()) stored.record = bytes_from_js(record);
  if (!passphrase.isUndefined()) stored.passphrase = bytes_from_js(passphrase);
  return stored;
}

// --- actions out ---

val action(const char* kind) {
  val out = val::object();
  out.set("kind", std::string{kind});
  return out;
}

val to_js(tunnel::OpenLink& open) {
  val out = action("openLink");
  out.set("link", open.link);
  out.set("url", open.url);
  return out;
}

val to_js(tunnel::SendOnLink& send) {
  val out = action("sendOnLink");
  out.set("link", send.link);
  if (const auto* text = std::get_if<gateway::TextFrame>(&send.frame)) {
    out.set("data", text->text);
  } else {
    out.set("data", to_js(std::get<gateway::BinaryFrame>(send.frame).bytes));
  }
  return out;
}

val to_js(tunnel::CloseLink& close) {
  val out = action("closeLink");
  out.set("link", close.link);
  return out;
}

val to_js(tunnel::GetFromDirectory& get) {
  val out = action("getFromDirectory");
  out.set("request", static_cast<double>(get.request));
  out.set("url", get.url);
  return out;
}

val to_js(tunnel::StateChanged& changed) {
  val out = action("stateChanged");
  out.set("state", std::string{tunnel::state_name(changed.state)});
  if (changed.step) out.set("step", std::string{tunnel::step_name(*changed.step)});
  out.set("attempt", changed.attempt);
  if (changed.error) out.set("error", to_js(*changed.error));
  return out;
}

val to_js(tunnel::FetchHead& head) {
  val out = action("fetchHead");
  out.set("job", head.job);
  out.set("status", head.status);
  out.set("reason", to_js(base::as_bytes(head.reason)));
  out.set("headers", to_js(head.headers));
  out.set("url", head.url);
  out.set("redirected", head.redirected);
  return out;
}

val to_js(tunnel::FetchChunk& chunk) {
  val out = action("fetchChunk");
  out.set("job", chunk.job);
  out.set("bytes", to_js(chunk.bytes));
  return out;
}

val to_js(tunnel::FetchBodyWanted& wanted) {
  val out = action("fetchBodyWanted");
  out.set("job", wanted.job);
  out.set("attempt", wanted.attempt);
  out.set("bytes", wanted.bytes);
  return out;
}

val to_js(tunnel::FetchUploaded& uploaded) {
  val out = action("fetchUploaded");
  out.set("job", uploaded.job);
  out.set("bytes", static_cast<double>(uploaded.bytes));
  return out;
}

val to_js(tunnel::FetchRedirected& redirected) {
  val out = action("fetchRedirected");
  out.set("job", redirected.job);
  out.set("from", redirected.from);
  out.set("to", redirected.to);
  out.set("setCookies", to_js(redirected.set_cookies));
  return out;
}

val to_js(tunnel::FetchEnd& end) {
  val timing = val::object();
  timing.set("dns", to_js(end.timing.dns));
  timing.set("connect", to_js(end.timing.connect));
  timing.set("tls", to_js(end.timing.tls));
  timing.set("request", to_js(end.timing.request));
  timing.set("firstByte", to_js(end.timing.first_byte));
  timing.set("end", to_js(end.timing.end));
  timing.set("reused", end.timing.reused);
  val out = action("fetchEnd");
  out.set("job", end.job);
  out.set("timing", timing);
  return out;
}

val to_js(tunnel::JobFailed& failed) {
  val out = action("jobFailed");
  out.set("job", failed.job);
  out.set("error", to_js(failed.error));
  out.set("phase", std::string{tunnel::phase_name(failed.phase)});
  out.set("retryable", failed.retryable);
  return out;
}

val to_js(tunnel::LookupFinished& finished) {
  val out = action("lookupFinished");
  out.set("job", finished.job);
  out.set("addresses", val::array(finished.addresses));
  return out;
}

val to_js(tunnel::MixMessage& message) {
  val out = action("mixMessage");
  out.set("data", to_js(message.data));
  if (message.sender_tag) out.set("senderTag", *message.sender_tag);
  return out;
}

val to_js(tunnel::MessageConfirmed& confirmed) {
  val out = action("messageConfirmed");
  out.set("job", confirmed.job);
  return out;
}

val to_js(tunnel::SaveKeys& save) {
  val out = action("saveKeys");
  out.set("record", to_js(save.record));
  return out;
}

val to_js(tunnel::Warning& warning) {
  val out = action("warning");
  out.set("error", to_js(warning.error));
  return out;
}

val to_js(tunnel::ChannelEvent& event) {
  val out = action("channelEvent");
  out.set("job", event.job);
  out.set("news", wasm::to_js(event.news));
  return out;
}

/// The platform's URL parser, called through a JavaScript function that does not throw.
class JsUrls final : public http::UrlResolver {
 public:
  explicit JsUrls(val resolve) : resolve_(std::move(resolve)) {}
  [[nodiscard]] std::optional<std::string> resolve(std::string_view base,
                                                   std::string_view reference) const override {
    const val url = resolve_(std::string{base}, to_js(base::as_bytes(reference)));
    if (url.isUndefined()) return std::nullopt;
    return url.as<std::string>();
  }

 private:
  val resolve_;
};

/// The engine with its browser host's services.
class JsEngine {
 public:
  JsEngine(val options, val log_sink, val resolve_url)
      : log_(std::move(log_sink)),
        urls_(std::move(resolve_url)),
        engine_(options_from_js(options), clock_, rng_, log_, &urls_) {}

  val start(val stored) { return outcome(engine_.start(stored_from_js(stored))); }
  void shutdown() { engine_.shutdown(); }

  void link_opened(unsigned link) { engine_.link_opened(link); }
  void link_text(unsigned link, std::string text) {
    engine_.link_received(link, gateway::TextFrame{std::move(text)});
  }
  void link_binary(unsigned link, val bytes) {
    engine_.link_received(link, gateway::BinaryFrame{bytes_from_js(bytes)});
  }
  void link_closed(unsigned link) { engine_.link_closed(link); }
  void link_buffered(unsigned link, unsigned bytes) { engine_.link_buffered(link, bytes); }
  void directory_answer(double request, int status, val body) {
    engine_.directory_answer(static_cast<tunnel::RequestId>(request), status, bytes_from_js(body));
  }
  void directory_failed(double request) {
    engine_.directory_failed(static_cast<tunnel::RequestId>(request));
  }

  val start_fetch(val request) { return outcome(engine_.start_fetch(request_from_js(request))); }
  val fetch_consumed(unsigned job, unsigned bytes) {
    return outcome(engine_.fetch_consumed(job, bytes));
  }
  void fetch_body(unsigned job, unsigned attempt, val piece) {
    engine_.fetch_body(job, attempt, bytes_from_js(piece));
  }
  void fetch_body_end(unsigned job, unsigned attempt) { engine_.fetch_body_end(job, attempt); }
  /// `cookie` holds the field's bytes, or is undefined.
  void fetch_go_on(unsigned job, val cookie) {
    std::optional<std::string> field;
    if (!cookie.isUndefined()) field = base::to_string(bytes_from_js(cookie));
    engine_.fetch_go_on(job, std::move(field));
  }
  val start_lookup(const std::string& host) { return outcome(engine_.start_lookup(host)); }
  val send_message(val message) { return outcome(engine_.send_message(message_from_js(message))); }
  val open_channel(val request) {
    return outcome(engine_.open_channel(wasm::channel_request_from_js(request)));
  }
  val command(unsigned channel, val command) {
    return outcome(engine_.command(channel, wasm::channel_command_from_js(command)));
  }
  void clear_dns_cache() { engine_.clear_dns_cache(); }
  void cancel(unsigned job) { engine_.cancel(job); }

  void wake() { engine_.wake(); }
  val switch_exit(val ipr) {
    std::optional<std::string> to;
    if (!ipr.isUndefined()) to = ipr.as<std::string>();
    return outcome(engine_.switch_exit(to));
  }

  /// One turn: { actions, deadline } with the deadline in performance.now() milliseconds.
  val turn() {
    const base::Deadline deadline = engine_.turn();
    val actions = val::array();
    while (auto next = engine_.poll_action()) {
      actions.call<void>("push", std::visit([](auto& value) { return to_js(value); }, *next));
    }
    val out = val::object();
    out.set("actions", actions);
    if (deadline) {
      const std::chrono::duration<double, std::milli> ms = deadline->time_since_epoch();
      out.set("deadline", ms.count());
    }
    return out;
  }

  std::string state() const { return std::string{tunnel::state_name(engine_.state())}; }

  val info() const {
    const auto info = engine_.info();
    if (!info) return val::undefined();
    val out = val::object();
    out.set("address", info->address);
    out.set("gateway", info->gateway);
    out.set("exit", info->exit);
    if (const auto& assignment = info->assignment) {
      out.set("exitVersion", static_cast<int>(assignment->version));
      out.set("ipv4", net::to_string(net::IpAddress{net::Ipv4{assignment->ipv4}}));
      out.set("ipv6", net::to_string(net::IpAddress{net::Ipv6{assignment->ipv6}}));
      out.set("mtu", assignment->mtu);
    }
    return out;
  }

  val stats() const {
    const tunnel::Stats stats = engine_.stats();
    val out = val::object();
    out.set("uptimeMs", to_js(stats.uptime));
    val setup = val::object();
    for (std::size_t i = 0; i < stats.set_up.size(); ++i) {
      const auto name = tunnel::step_name(static_cast<tunnel::Step>(i));
      setup.set(std::string{name}, to_js(stats.set_up[i]));
    }
    out.set("setup", setup);
    out.set("sphinx", figures({{"sentReal", stats.mixnet.sent_real},
                               {"sentCover", stats.mixnet.sent_cover},
                               {"sentLoop", stats.mixnet.sent_loop},
                               {"sentAcks", stats.mixnet.sent_acks},
                               {"received", stats.mixnet.packets_received},
                               {"retransmitted", stats.mixnet.retransmitted},
                               {"lost", stats.mixnet.lost},
                               {"queue", stats.mixnet.queued}}));
    out.set("surbs", figures({{"sent", stats.mixnet.surbs_sent},
                              {"atExitEstimate", stats.surbs_at_exit},
                              {"requested", stats.mixnet.surbs_requested}}));
    out.set("ip", figures({{"packetsOut", stats.net.packets_out},
                           {"bytesOut", stats.net.bytes_out},
                           {"packetsIn", stats.net.packets_in},
                           {"bytesIn", stats.net.bytes_in},
                           {"droppedOut", stats.net.dropped_out}}));
    val tcp = figures({{"open", stats.net.tcp_open}, {"retransmits", stats.net.tcp_retransmits}});
    tcp.set("srttMs", stats.net.tcp_round_trip ? to_js(*stats.net.tcp_round_trip) : val::null());
    out.set("tcp", tcp);
    out.set("http", figures({{"active", stats.fetches},
                             {"pooled", stats.pooled},
                             {"total", stats.fetches_started}}));
    out.set("ws", figures({{"open", stats.websockets}}));
    out.set("dns", figures({{"hits", stats.dns.hits}, {"misses", stats.dns.misses}}));
    val rtt = val::null();
    if (const auto& trips = stats.mixnet.round_trips) {
      rtt = val::object();
      rtt.set("minMs", to_js(trips->min));
      rtt.set("medianMs", to_js(trips->median));
      rtt.set("p95Ms", to_js(trips->p95));
    }
    out.set("rtt", rtt);
    return out;
  }

 private:
  BrowserClock clock_;
  crypto::SystemRng rng_;
  JsLog log_;
  JsUrls urls_;
  tunnel::Engine engine_;
};

}  // namespace

EMSCRIPTEN_BINDINGS(mixweb) {
  emscripten::class_<JsEngine>("Engine")
      .constructor<val, val, val>()
      .function("start", &JsEngine::start)
      .function("shutdown", &JsEngine::shutdown)
      .function("linkOpened", &JsEngine::link_opened)
      .function("linkText", &JsEngine::link_text)
      .function("linkBinary", &JsEngine::link_binary)
      .function("linkClosed", &JsEngine::link_closed)
      .function("linkBuffered", &JsEngine::link_buffered)
      .function("directoryAnswer", &JsEngine::directory_answer)
      .function("directoryFailed", &JsEngine::directory_failed)
      .function("startFetch", &JsEngine::start_fetch)
      .function("fetchConsumed", &JsEngine::fetch_consumed)
      .function("fetchBody", &JsEngine::fetch_body)
      .function("fetchBodyEnd", &JsEngine::fetch_body_end)
      .function("fetchGoOn", &JsEngine::fetch_go_on)
      .function("startLookup", &JsEngine::start_lookup)
      .function("sendMessage", &JsEngine::send_message)
      .function("openChannel", &JsEngine::open_channel)
      .function("command", &JsEngine::command)
      .function("clearDnsCache", &JsEngine::clear_dns_cache)
      .function("cancel", &JsEngine::cancel)
      .function("wake", &JsEngine::wake)
      .function("switchExit", &JsEngine::switch_exit)
      .function("turn", &JsEngine::turn)
      .function("state", &JsEngine::state)
      .function("info", &JsEngine::info)
      .function("stats", &JsEngine::stats);
}
