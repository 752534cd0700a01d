// Tests of distributions: Kolmogorov-Smirnov against an exponential, and between two samples.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "mix/base/time.h"

namespace mix::test {

/// Gaps between events, in seconds, the first counted from `start`.
inline std::vector<double> gaps(base::TimePoint start, const std::vector<base::TimePoint>& times) {
  std::vector<double> out;
  for (const base::TimePoint at : times) {
    out.push_back(std::chrono::duration<double>(at - start).count());
    start = at;
  }
  return out;
}

inline double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

/// Largest distance between the sample's distribution and the exponential one.
inline double ks_exponential(std::vector<double> sample, double expected_mean) {
  std::ranges::sort(sample);
  const auto n = static_cast<double>(sample.size());
  double distance = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double cdf = 1 - std::exp(-sample[i] / expected_mean);
    distance = std::max(distance, std::abs(cdf - static_cast<double>(i) / n));
    distance = std::max(distance, std::abs(static_cast<double>(i + 1) / n - cdf));
  }
  return distance;
}

/// Largest distance between the distributions of two samples.
inline double ks_two_samples(std::vector<double> a, std::vector<double> b) {
  std::ranges::sort(a);
  std::ranges::sort(b);
  double distance = 0;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    const double at = std::min(a[i], b[j]);
    while (i < a.size() && a[i] <= at) ++i;
    while (j < b.size() && b[j] <= at) ++j;
    const double fa = static_cast<double>(i) / static_cast<double>(a.size());
    const double fb = static_cast<double>(j) / static_cast<double>(b.size());
    distance = std::max(distance, std::abs(fa - fb));
  }
  return distance;
}

/// Distance that a true hypothesis exceeds with probability 1 % (n large).
inline double ks_limit(std::size_t n) { return 1.628 / std::sqrt(static_cast<double>(n)); }
inline double ks_limit(std::size_t n, std::size_t m) {
  const auto a = static_cast<double>(n);
  const auto b = static_cast<double>(m);
  return 1.628 * std::sqrt((a + b) / (a * b));
}

}  // namespace mix::test
