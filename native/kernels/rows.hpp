// Copying rows of an image with padding and stride.
#pragma once

#include "simd.hpp"

namespace striate::STRIATE_TARGET {

template <class T>
inline void zero_run(T* out, int64_t count) {
    int64_t i = 0;
    for (; i + lanes<T> <= count; i += lanes<T>) store<T>(out + i, Vec<T>{});
    if (i < count) store_part<T>(out + i, Vec<T>{}, count - i);
}

// Lanes 0, 2, 4, ... of a, then of b.
template <class T>
inline Vec<T> even_lanes(Vec<T> a, Vec<T> b) {
    return [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
        return __builtin_shufflevector(a, b, (2 * I)...);
    }(std::make_integer_sequence<int, lanes<T>>{});
}

// Lanes 1, 3, 5, ... of a, then of b.
template <class T>
inline Vec<T> odd_lanes(Vec<T> a, Vec<T> b) {
    return [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
        return __builtin_shufflevector(a, b, (2 * I + 1)...);
    }(std::make_integer_sequence<int, lanes<T>>{});
}

// Lanes N, N + 1, ... of a, then the first N of b.
template <int N, class T>
inline Vec<T> shifted(Vec<T> a, Vec<T> b) {
    return [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
        return __builtin_shufflevector(a, b, (I + N)...);
    }(std::make_integer_sequence<int, lanes<T>>{});
}

// out[j] = from[2 * j], 0 <= j < count; reads nothing past the last of them.
template <class T>
inline void copy_even(T* out, const T* from, int64_t count) {
    constexpr int64_t width = lanes<T>;
    int64_t j = 0;
    for (; j + width < count; j += width)
        store<T>(out + j, even_lanes<T>(load<T>(from + 2 * j), load<T>(from + 2 * j + width)));
    if (j == count) return;
    const int64_t left = 2 * (count - j) - 1;
    const Vec<T> a = left >= width ? load<T>(from + 2 * j) : load_part<T>(from + 2 * j, left);
    const Vec<T> b = left > width ? load_part<T>(from + 2 * j + width, left - width) : Vec<T>{};
    const Vec<T> v = even_lanes<T>(a, b);
    if (count - j == width) store<T>(out + j, v);
    else store_part<T>(out + j, v, count - j);
}

// out[j] = row[left + j * stride] where that lies in [0, size), else 0, for 0 <= j < count. A null row is all zeros.
template <class T>
inline void copy_row(T* out, const T* row, int64_t size, int64_t left, int64_t stride, int64_t count) {
    if (!row) return zero_run(out, count);
    if (stride == 1) {
        for (int64_t j = 0; j < count; j += lanes<T>) {
            const bool inside = left + j >= 0 && left + j + lanes<T> <= size;
            const Vec<T> v = inside ? load<T>(row + left + j) : load_span<T>(row + left + j, span_inside<T>(left + j, size));
            store_first<T>(out + j, v, least<int64_t>(lanes<T>, count - j));
        }
        return;
    }
    const auto steps = [&](int64_t span) { return stride == 2 ? (span + 1) / 2 : ceil_div(span, stride); };
    const int64_t lo = left < 0 ? least(count, steps(-left)) : 0;
    const int64_t hi = left < size ? most(lo, least(count, steps(size - left))) : lo;
    zero_run(out, lo);
    zero_run(out + hi, count - hi);
    if (stride == 2 && lo < hi) return copy_even(out + lo, row + left + 2 * lo, hi - lo);
    for (int64_t j = lo; j < hi; ++j) out[j] = row[left + j * stride];
}

}  // namespace striate::STRIATE_TARGET
