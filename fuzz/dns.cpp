// DNS messages, and a resolver among answers of which none was asked for or all are.
#include "mix/dns/message.h"
#include "mix/dns/resolver.h"
#include "support/target.h"
#include "tests/support/fake_stack.h"

using namespace mix;

namespace {

/// Answers a question with the input behind the right head; the resolver believes it or not.
void resolve(base::ByteView input) {
  test::FakeStack stack;
  fuzz::FixedRng rng;
  dns::Resolver resolver(dns::ResolverConfig{}, stack, rng);
  base::TimePoint now{};
  const dns::LookupId id = resolver.lookup("www.example.com", now);
  resolver.advance(now);
  fuzz::Parts parts(input);
  for (int round = 0; round < 8 && !stack.sent.empty(); ++round) {
    const auto query = stack.sent.front();
    stack.sent.pop_front();
    const auto asked = dns::decode_head(query.payload);
    fuzz::require(asked && asked->questions.size() == 1, "our own question cannot be read");
    const std::uint8_t how = parts.u8();
    base::Writer answer;
    answer.u16be(static_cast<std::uint16_t>(asked->id ^ (how & 1)));
    if ((how & 2) != 0) {
      // The question as it was asked, then whatever the input says.
      answer.u16be(parts.u16()).u16be(1).u16be(parts.u8()).u16be(parts.u8()).u16be(parts.u8());
      answer.bytes(asked->questions[0].name.wire());
      answer.u16be(static_cast<std::uint16_t>(asked->questions[0].type)).u16be(1);
    }
    answer.bytes(parts.part());
    (void)stack.answer(query, answer.view());
    now += std::chrono::milliseconds{how};
    resolver.advance(now);
    while (const auto done = resolver.poll_event()) {
      fuzz::require(done->id == id, "an answer to nobody");
      fuzz::require(!done->addresses ||
                        (!done->addresses->empty() && done->ttls.size() == done->addresses->size()),
                    "an answer without addresses");
    }
  }
}

}  // namespace

MIX_FUZZ(dns) {
  (void)dns::decode_head(input);
  if (const auto message = dns::decode_message(input)) {
    fuzz::require(message->questions.size() * 5 <= input.size(), "more questions than bytes");
    for (const auto& record : message->answers) {
      fuzz::require(record.owner.wire().size() <= 255, "a name beyond the limit");
      (void)record.owner.text();
    }
  }
  if (!input.empty()) (void)dns::read_name(input, input[0]);
  if (const auto name = dns::Name::parse(base::as_text(input))) {
    const auto again = dns::Name::parse(name->text());
    fuzz::require(again && *again == *name, "a name changed");
  }
  resolve(input);
}
