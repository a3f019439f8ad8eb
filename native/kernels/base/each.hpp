// Independent pieces of work, on all threads.
#pragma once

#include "base/numbers.hpp"
#include "base/pool.hpp"

#include <algorithm>

namespace striate {

// body(i) for 0 <= i < count, on so many threads.
template <class Body>
void each(int64_t count, int threads, const Body& body) {
    const auto task = [](void* context, const Unit& unit) { (*static_cast<const Body*>(context))(unit.task); };
    parallel_for(count, threads, 0, task, const_cast<Body*>(&body));
}

// body(from, stop) for pieces of [0, count), on so many threads.
template <class Body>
void each_piece(int64_t count, int threads, const Body& body) {
    constexpr int64_t piece = 1 << 14;
    each(ceil_div(count, piece), threads, [&](int64_t i) { body(i * piece, std::min(count, (i + 1) * piece)); });
}

}  // namespace striate
