// Answers of the directory API.
#include "mix/directory/answers.h"
#include "support/target.h"

using namespace mix;

MIX_FUZZ(directory) {
  if (const auto page = directory::parse_skimmed(input)) {
    fuzz::require(page->nodes.size() + page->paging.skipped <= page->paging.on_page,
                  "more nodes than entries");
  }
  if (const auto page = directory::parse_described(input)) {
    fuzz::require(page->exits.size() <= page->paging.on_page, "more exits than entries");
  }
  (void)directory::parse_rewarded_set(input);
  (void)directory::parse_rotation_info(input);
  const std::string_view text = base::as_text(input);
  if (const auto percent = directory::parse_performance(text)) {
    fuzz::require(*percent <= 100, "a performance beyond 1");
  }
  (void)directory::parse_rfc3339(text);
  (void)directory::is_ip_literal(text);
}
