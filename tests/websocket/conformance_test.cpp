// A fixed set of protocol cases after RFC 6455 and RFC 7692, for where the Autobahn suite is not at
// hand (tools/autobahn.mjs). A raw server sends frames; the client echoes messages. Each case runs
// three times: with its bytes at once, in pieces of seven, and one by one, and must not care.
#include <algorithm>
#include <initializer_list>
#include <ostream>

#include "server.h"

namespace mix::websocket {
namespace {

using base::Bytes;

constexpr std::uint8_t kFin = 0x80, kRsv1 = 0x40;
constexpr std::uint8_t kContinuation = 0x0, kText = 0x1, kBinary = 0x2, kClose = 0x8, kPing = 0x9,
                       kPong = 0xa;
constexpr std::size_t kAtOnce = ~std::size_t{0};

/// A server's frame; the shortest form of its size.
Bytes raw(std::uint8_t first, std::string_view payload) {
  base::Writer out;
  out.u8(first);
  if (payload.size() < 126) {
    out.u8(static_cast<std::uint8_t>(payload.size()));
  } else if (payload.size() < 65536) {
    out.u8(126).u16be(static_cast<std::uint16_t>(payload.size()));
  } else {
    out.u8(127).u64be(payload.size());
  }
  out.bytes(base::as_bytes(payload));
  return out.take();
}
Bytes operator+(Bytes a, const Bytes& b) {
  base::append(a, b);
  return a;
}
std::string close_payload(std::uint16_t code, std::string_view reason = "") {
  base::Writer out;
  out.u16be(code).bytes(base::as_bytes(reason));
  return base::to_string(out.view());
}
/// Deflate without compressing (RFC 1951 §3.2.4): written by hand, so that zlib is not its own
/// judge. Ends as RFC 7692 §7.2.1 says.
std::string stored(std::string_view text) {
  base::Writer out;
  const auto size = static_cast<std::uint16_t>(text.size());
  out.u8(0).u16le(size).u16le(static_cast<std::uint16_t>(~size)).bytes(base::as_bytes(text));
  out.u8(0);
  return base::to_string(out.view());
}

/// What the client did about a case.
struct Reaction {
  std::vector<std::string> messages;  // "t:..." or "b:..."
  std::vector<std::string> pongs;
  std::optional<std::string> close;    // payload of its close frame
  std::optional<std::uint16_t> event;  // code of its Closed
  friend bool operator==(const Reaction&, const Reaction&) = default;
};

std::ostream& operator<<(std::ostream& out, const Reaction& reaction) {
  out << "{messages";
  for (const std::string& text : reaction.messages) out << " '" << text.substr(0, 40) << "'";
  out << ", pongs";
  for (const std::string& text : reaction.pongs) out << " '" << text.substr(0, 40) << "'";
  if (reaction.close) out << ", close " << base::hex_encode(base::as_bytes(*reaction.close));
  if (reaction.event) out << ", event " << *reaction.event;
  return out << "}";
}

class ConformanceTest : public ConnectionTest {
 protected:
  void expect(const std::string& name, const Bytes& bytes, const Reaction& expected,
              const std::string& extensions = "") {
    for (const std::size_t piece : {kAtOnce, std::size_t{7}, std::size_t{1}}) {
      if (piece != kAtOnce && bytes.size() > 4096 * piece) continue;
      EXPECT_EQ(react(bytes, piece, extensions), expected) << name << ", pieces of " << piece;
    }
  }
  /// The server is at fault and is told `code`; what came before is kept.
  static Reaction fault(std::uint16_t code, std::vector<std::string> messages = {}) {
    return {std::move(messages), {}, close_payload(code), kAbnormalClosure};
  }

 private:
  Reaction react(const Bytes& bytes, std::size_t piece, const std::string& extensions) {
    pair = test::StreamPair{};
    pair.each([](test::Pipe& pipe) { pipe.capacity = 1 << 20; });
    events.clear();
    start();
    open(extensions.empty() ? "" : "Sec-WebSocket-Extensions: " + extensions + "\r\n");
    events.clear();
    for (base::ByteView rest = bytes; !rest.empty();) {
      const auto next = rest.first(std::min(piece, rest.size()));
      rest = rest.subspan(next.size());
      serve(base::to_bytes(next));
      advance();
    }
    Reaction out;
    for (const Event& event : events) {
      if (const auto* message = std::get_if<Message>(&event)) {
        out.messages.push_back((message->kind == MessageKind::kText ? "t:" : "b:") +
                               base::to_string(message->bytes));
      } else if (const auto* closed = std::get_if<Closed>(&event)) {
        EXPECT_FALSE(out.event) << "closed twice";
        out.event = closed->code;
      }
    }
    for (const SeenFrame& seen : take_frames()) {
      if (seen.first == (kFin | kPong)) {
        out.pongs.push_back(base::to_string(seen.payload));
      } else {
        EXPECT_EQ(seen.first, kFin | kClose);
        EXPECT_FALSE(out.close) << "two close frames";
        out.close = base::to_string(seen.payload);
      }
    }
    return out;
  }
};

TEST_F(ConformanceTest, FramesOfEverySize) {
  for (const std::size_t size : {0U, 1U, 125U, 126U, 127U, 128U, 65535U, 65536U, 70000U}) {
    const std::string text(size, '*');
    expect("text " + std::to_string(size), raw(kFin | kText, text), {{"t:" + text}, {}, {}, {}});
    const std::string bytes(size, '\xfe');
    expect("binary " + std::to_string(size), raw(kFin | kBinary, bytes),
           {{"b:" + bytes}, {}, {}, {}});
  }
}

TEST_F(ConformanceTest, PingsAndPongs) {
  const std::string longest(125, '\xfe');
  expect("empty", raw(kFin | kPing, ""), {{}, {""}, {}, {}});
  expect("text", raw(kFin | kPing, "Hello"), {{}, {"Hello"}, {}, {}});
  expect("bytes", raw(kFin | kPing, std::string("\0\xff\xfe", 3)),
         {{}, {std::string("\0\xff\xfe", 3)}, {}, {}});
  expect("125 bytes", raw(kFin | kPing, longest), {{}, {longest}, {}, {}});
  expect("126 bytes", raw(kFin | kPing, longest + "x"), fault(1002));
  expect("pong of 126 bytes", raw(kFin | kPong, longest + "x"), fault(1002));
  expect("unsolicited pong", raw(kFin | kPong, "x") + raw(kFin | kPing, "y"), {{}, {"y"}, {}, {}});
  Bytes ten;
  Reaction answers;
  for (char c = '0'; c <= '9'; ++c) {
    ten = ten + raw(kFin | kPing, std::string(1, c));
    answers.pongs.emplace_back(1, c);
  }
  expect("ten", ten, answers);
}

TEST_F(ConformanceTest, ReservedBits) {
  for (std::uint8_t bits = 1; bits <= 7; ++bits) {
    const auto reserved = static_cast<std::uint8_t>(bits << 4);
    for (const std::uint8_t opcode : {kText, kBinary, kPing, kPong, kClose}) {
      const auto first = static_cast<std::uint8_t>(kFin | reserved | opcode);
      const std::string name = "bits " + std::to_string(bits) + " opcode " + std::to_string(opcode);
      expect(name, raw(kFin | kText, "before") + raw(first, ""), fault(1002, {"t:before"}));
      if (opcode < kClose && bits == 4) continue;  // means compression, once agreed
      expect(name + " with deflate", raw(first, ""), fault(1002), "permessage-deflate");
    }
  }
}

TEST_F(ConformanceTest, ReservedOpcodes) {
  for (const std::uint8_t opcode :
       std::initializer_list<std::uint8_t>{3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    for (const char* payload : {"", "some payload"}) {
      expect("opcode " + std::to_string(opcode),
             raw(kFin | kText, "before") + raw(static_cast<std::uint8_t>(kFin | opcode), payload) +
                 raw(kFin | kPing, "never answered"),
             fault(1002, {"t:before"}));
    }
  }
}

TEST_F(ConformanceTest, Fragments) {
  expect("two", raw(kText, "ab") + raw(kFin | kContinuation, "cd"), {{"t:abcd"}, {}, {}, {}});
  expect("ping between",
         raw(kText, "ab") + raw(kFin | kPing, "p") + raw(kFin | kContinuation, "cd"),
         {{"t:abcd"}, {"p"}, {}, {}});
  expect("empty ones", raw(kText, "") + raw(kContinuation, "") + raw(kFin | kContinuation, ""),
         {{"t:"}, {}, {}, {}});
  expect("empty middle",
         raw(kBinary, "a") + raw(kContinuation, "") + raw(kFin | kContinuation, "b"),
         {{"b:ab"}, {}, {}, {}});
  expect("fragmented ping", raw(kPing, "a") + raw(kFin | kContinuation, "b"), fault(1002));
  expect("fragmented pong", raw(kPong, "a") + raw(kFin | kContinuation, "b"), fault(1002));
  expect("fragmented close", raw(kClose, ""), fault(1002));
  expect("continuation of nothing", raw(kFin | kContinuation, "a"), fault(1002));
  expect("open continuation of nothing", raw(kContinuation, "a"), fault(1002));
  expect("continuation after the end",
         raw(kText, "a") + raw(kFin | kContinuation, "b") + raw(kFin | kContinuation, "c"),
         fault(1002, {"t:ab"}));
  expect("text within a text", raw(kText, "a") + raw(kFin | kText, "b"), fault(1002));
  expect("binary within a text", raw(kText, "a") + raw(kBinary, "b"), fault(1002));
  Bytes many;
  Reaction reaction{{"t:"}, {}, {}, {}};
  for (int i = 0; i < 50; ++i) {
    many = many + raw(i == 0 ? kText : kContinuation, "fragment") + raw(kFin | kPing, "p");
    reaction.messages[0] += "fragment";
    reaction.pongs.emplace_back("p");
  }
  expect("fifty with pings", many + raw(kFin | kContinuation, ""), reaction);
}

TEST_F(ConformanceTest, ValidUtf8InPieces) {
  const std::vector<std::string> valid{
      "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!",
      "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5",
      std::string(1, '\0'),
      "\x7f",
      "\xc2\x80",
      "\xdf\xbf",
      "\xe0\xa0\x80",
      "\xef\xbf\xbf",
      "\xed\x9f\xbf",
      "\xee\x80\x80",
      "\xef\xbf\xbd",
      "\xf0\x90\x80\x80",
      "\xf4\x8f\xbf\xbf",
      "\xf0\x9f\xbf\xbe",
  };
  for (const std::string& text : valid) {
    expect("whole", raw(kFin | kText, text), {{"t:" + text}, {}, {}, {}});
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      expect("cut at " + std::to_string(cut),
             raw(kText, text.substr(0, cut)) + raw(kFin | kPing, "") +
                 raw(kFin | kContinuation, text.substr(cut)),
             {{"t:" + text}, {""}, {}, {}});
    }
  }
}

TEST_F(ConformanceTest, InvalidUtf8) {
  const std::vector<std::string> invalid{
      "\x80",
      "\xbf",
      "\x80\xbf",
      "\xc0\x80",
      "\xc1\xbf",
      "\xc0\xaf",
      "\xc0 ",
      "\xe0\x80\x80",
      "\xe0\x9f\xbf",
      "\xed\xa0\x80",
      "\xed\xbf\xbf",
      "\xed\xa0\x80\xed\xb0\x80",
      "\xf0\x80\x80\x80",
      "\xf0\x8f\xbf\xbf",
      "\xf4\x90\x80\x80",
      "\xf5\x80\x80\x80",
      "\xf8\x88\x80\x80\x80",
      "\xfe",
      "\xff",
      "\xfe\xfe\xff\xff",
      "\xce",
      "\xe1\xbd",
      "\xf0\x9f\xbf",
      "\xce\xba\xc3(",
      "\xe2\x82(",
  };
  for (const std::string& text : invalid) {
    expect(base::hex_encode(base::as_bytes(text)), raw(kFin | kText, "ok " + text), fault(1007));
    expect("in a last piece", raw(kText, "ok") + raw(kFin | kContinuation, text), fault(1007));
    expect("as bytes", raw(kFin | kBinary, text), {{"b:" + text}, {}, {}, {}});
    expect("in a reason", raw(kFin | kClose, close_payload(1000, text)), fault(1007));
  }
  // Refused at its first bad byte, though the frame never ends.
  expect("at once", Bytes{kText, 20, 'o', 'k', 0xff}, fault(1007));
  expect("at once in a continuation", raw(kText, "\xf4") + Bytes{kContinuation, 9, 0x90},
         fault(1007));
}

TEST_F(ConformanceTest, CloseCodes) {
  const auto echoed = [](const std::string& payload, std::uint16_t code) {
    return Reaction{{}, {}, payload, code};
  };
  expect("none", raw(kFin | kClose, ""), echoed("", 1005));
  expect("one byte", raw(kFin | kClose, "\x03"), fault(1002));
  for (const std::uint16_t code :
       std::initializer_list<std::uint16_t>{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011,
                                            1012, 1013, 1014, 3000, 3999, 4000, 4999}) {
    expect("valid", raw(kFin | kClose, close_payload(code)), echoed(close_payload(code), code));
  }
  for (const std::uint16_t code : std::initializer_list<std::uint16_t>{
           0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535}) {
    expect("invalid " + std::to_string(code), raw(kFin | kClose, close_payload(code)), fault(1002));
  }
  const std::string longest(123, '*');
  expect("longest reason", raw(kFin | kClose, close_payload(1000, longest)),
         echoed(close_payload(1000), 1000));
  expect("too long a reason", raw(kFin | kClose, close_payload(1000, longest + "*")), fault(1002));
}

TEST_F(ConformanceTest, NothingCountsAfterClose) {
  const Reaction closed{{}, {}, close_payload(1000), 1000};
  const Bytes close = raw(kFin | kClose, close_payload(1000));
  expect("text", close + raw(kFin | kText, "late"), closed);
  expect("ping", close + raw(kFin | kPing, "late"), closed);
  expect("close", close + close, closed);
  expect("garbage", close + Bytes(100, 0xff), closed);
  expect("within a message", raw(kText, "begun") + close + raw(kFin | kContinuation, "x"), closed);
}

TEST_F(ConformanceTest, SizesThatAreWritten) {
  // Longer forms than needed say the same (RFC 6455 §5.2 forbids them to senders only).
  expect("impossible", Bytes{kFin | kBinary, 127, 0x80, 0, 0, 0, 0, 0, 0, 0}, fault(1002));
  expect("beyond the limit", Bytes{kFin | kBinary, 127, 0, 0, 0, 0, 0x04, 0, 0, 1}, fault(1009));
  expect("beyond the limit together",
         raw(kBinary, "a") + Bytes{kFin | kContinuation, 127, 0, 0, 0, 0, 0x04, 0, 0, 0},
         fault(1009));
  expect("masked", Bytes{kFin | kText, 0x81, 1, 2, 3, 4, 'x' ^ 1}, fault(1002));
}

TEST_F(ConformanceTest, DeflatedMessages) {
  const std::string on = "permessage-deflate";
  const auto deflated = [&](const std::string& name, const Bytes& bytes, const Reaction& reaction) {
    expect(name, bytes, reaction, on);
    expect(name + ", no takeover", bytes, reaction, on + "; server_no_context_takeover");
  };
  const Reaction hello{{"t:Hello"}, {}, {}, {}};
  deflated("stored", raw(kFin | kRsv1 | kText, stored("Hello")), hello);
  deflated("not compressed", raw(kFin | kText, "Hello"), hello);
  deflated("empty", raw(kFin | kRsv1 | kText, std::string(1, '\0')), {{"t:"}, {}, {}, {}});
  const std::string whole = stored("Hello");
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    deflated("cut",
             raw(kRsv1 | kText, whole.substr(0, cut)) + raw(kFin | kPing, "p") +
                 raw(kFin | kContinuation, whole.substr(cut)),
             {{"t:Hello"}, {"p"}, {}, {}});
  }
  // RFC 7692 §7.2.3.4: a final block, then the empty one that the tail completes.
  deflated("final block",
           raw(kFin | kRsv1 | kText, std::string("\x01\x05\x00\xfa\xffHello\x00", 11)), hello);
  deflated("two messages",
           raw(kFin | kRsv1 | kText, stored("a")) + raw(kFin | kRsv1 | kBinary, stored("b")),
           {{"t:a", "b:b"}, {}, {}, {}});
  deflated("mark on a continuation",
           raw(kRsv1 | kText, whole) + raw(kFin | kRsv1 | kContinuation, ""), fault(1002));
  deflated("marked ping", raw(kFin | kRsv1 | kPing, ""), fault(1002));
  deflated("bad text inside", raw(kFin | kRsv1 | kText, stored("ok\xff")), fault(1007));
  deflated("text cut off inside", raw(kFin | kRsv1 | kText, stored("ok\xc3")), fault(1007));
  deflated("reserved block type", raw(kFin | kRsv1 | kText, "\x07"), fault(1002));
  deflated("lengths that differ", raw(kFin | kRsv1 | kText, std::string("\x00\x05\x00\x05\x00", 5)),
           fault(1002));
  // A distance into what no message has sent (fixed codes: length 3, distance 1).
  deflated("distance too far", raw(kFin | kRsv1 | kText, std::string("\x02\x04\x00", 3)),
           fault(1002));
}

TEST_F(ConformanceTest, DeflateKeepsItsWindowOnlyWhenAgreed) {
  // RFC 7692 §7.2.3.2: the second message refers to the first.
  const Bytes both = raw(kFin | kRsv1 | kText, std::string("\xf2\x48\xcd\xc9\xc9\x07\x00", 7)) +
                     raw(kFin | kRsv1 | kText, std::string("\xf2\x00\x11\x00\x00", 5));
  expect("kept", both, {{"t:Hello", "t:Hello"}, {}, {}, {}}, "permessage-deflate");
  expect("not kept", both, fault(1002, {"t:Hello"}),
         "permessage-deflate; server_no_context_takeover");
}

struct Terms {
  const char* text;
  bool is_good;
};

TEST_F(ConformanceTest, DeflateParameters) {
  const std::vector<Terms> all{
      {"permessage-deflate", true},
      {"permessage-deflate; client_max_window_bits=15", true},
      {"permessage-deflate; client_max_window_bits=\"9\"", true},
      {"permessage-deflate; client_max_window_bits=8", true},
      {"permessage-deflate;server_max_window_bits=8", true},
      {"permessage-deflate; server_no_context_takeover; client_no_context_takeover", true},
      {"permessage-deflate; client_max_window_bits", false},
      {"permessage-deflate; server_max_window_bits", false},
      {"permessage-deflate; server_max_window_bits=7", false},
      {"permessage-deflate; server_max_window_bits=16", false},
      {"permessage-deflate; server_max_window_bits=09", false},
      {"permessage-deflate; server_max_window_bits=1x", false},
      {"permessage-deflate; server_no_context_takeover=1", false},
      {"permessage-deflate; server_no_context_takeover; server_no_context_takeover", false},
      {"permessage-deflate; x_unknown", false},
      {"permessage-deflate, permessage-deflate", false},
      {"x-webkit-deflate-frame", false},
  };
  for (const Terms& terms : all) {
    pair = test::StreamPair{};
    events.clear();
    start();
    const std::string key = header_of(take_request(), "Sec-WebSocket-Key");
    serve("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
          accept_of(key) + "\r\nSec-WebSocket-Extensions: " + terms.text + "\r\n\r\n");
    advance();
    ASSERT_EQ(events.size(), 1U) << terms.text;
    EXPECT_EQ(std::holds_alternative<Opened>(events[0]), terms.is_good) << terms.text;
  }
}

}  // namespace
}  // namespace mix::websocket
