// Copying rows of an image with padding and stride.
#pragma once

#include "simd/simd.hpp"

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
    return [&]<int... I>(std::integer_sequence<int, I...>) INLINE {
        return __builtin_shufflevector(a, b, (2 * I)...);
    }(std::make_integer_sequence<int, lanes<T>>{});
}

// Lanes 1, 3, 5, ... of a, then of b.
template <class T>
inline Vec<T> odd_lanes(Vec<T> a, Vec<T> b) {
    return [&]<int... I>(std::integer_sequence<int, I...>) INLINE {
        return __builtin_shufflevector(a, b, (2 * I + 1)...);
    }(std::make_integer_sequence<int, lanes<T>>{});
}

// Lane i of the result, i below `Count`, is the sum of the lanes of v[i]; `Count` is a power of 2, at most `lanes`.
template <class T, int Count, int Width = lanes<T> / Count>
[[gnu::always_inline]] inline Vec<T> lane_sums(Vec<T> (&v)[Count]) {
    if constexpr (Count > 1) {
        Vec<T> half[Count / 2];
        static_for<Count / 2>([&](auto i) INLINE {
            half[i] = even_lanes<T>(v[2 * i], v[2 * i + 1]) + odd_lanes<T>(v[2 * i], v[2 * i + 1]);
        });
        return lane_sums<T, Count / 2, Width>(half);
    } else if constexpr (Width > 1) {
        Vec<T> half[1] = {even_lanes<T>(v[0], v[0]) + odd_lanes<T>(v[0], v[0])};
        return lane_sums<T, 1, Width / 2>(half);
    } else {
        return v[0];
    }
}

// Lanes N, N + 1, ... of a, then the first N of b.
template <int N, class T>
inline Vec<T> shifted(Vec<T> a, Vec<T> b) {
    return [&]<int... I>(std::integer_sequence<int, I...>) INLINE {
        return __builtin_shufflevector(a, b, (I + N)...);
    }(std::make_integer_sequence<int, lanes<T>>{});
}

// Every Step-th lane of the vectors part(0), part(1), ..., part(Step - 1) one after the other, from their first on;
// Step a power of 2.
template <int Step, class T, class Part>
[[gnu::always_inline]] inline Vec<T> every_lane(const Part& part, int from = 0) {
    if constexpr (Step == 1) return part(from);
    else return even_lanes<T>(every_lane<Step / 2, T>(part, from), every_lane<Step / 2, T>(part, from + Step / 2));
}

// out[j] = from[Step * j], 0 <= j < count; reads nothing past the last of them.
template <int Step, class T>
inline void copy_every(T* out, const T* from, int64_t count) {
    constexpr int64_t width = lanes<T>;
    int64_t j = 0;
    for (; j + width < count; j += width, from += Step * width)
        store<T>(out + j, every_lane<Step, T>([&](int i) INLINE { return load<T>(from + i * width); }));
    if (j == count) return;
    const int64_t left = Step * (count - j - 1) + 1;
    const Vec<T> v = every_lane<Step, T>([&](int i) INLINE {
        const int64_t more = left - i * width;
        return more >= width ? load<T>(from + i * width) : more > 0 ? load_part<T>(from + i * width, more) : Vec<T>{};
    });
    store_first<T>(out + j, v, count - j);
}

// out[j] = row[left + j * stride] where that lies in [0, size), else 0, for 0 <= j < count. A null row is all zeros.
template <class T>
inline void copy_row(T* out, const T* row, int64_t size, int64_t left, int64_t stride, int64_t count) {
    if (!row) return zero_run(out, count);
    if (stride == 1) {
        for (int64_t j = 0; j < count; j += lanes<T>) {
            const bool inside = left + j >= 0 && left + j + lanes<T> <= size;
            const Vec<T> v =
                inside ? load<T>(row + left + j) : load_span<T>(row + left + j, span_inside<T>(left + j, size));
            store_first<T>(out + j, v, least<int64_t>(lanes<T>, count - j));
        }
        return;
    }
    const auto steps = [&](int64_t span) { return stride == 2 ? (span + 1) / 2 : ceil_div(span, stride); };
    const int64_t lo = left < 0 ? least(count, steps(-left)) : 0;
    const int64_t hi = left < size ? most(lo, least(count, steps(size - left))) : lo;
    zero_run(out, lo);
    zero_run(out + hi, count - hi);
    const T* const from = row + left + lo * stride;
    if (stride == 2 && lo < hi) return copy_every<2>(out + lo, from, hi - lo);
    if (stride == 4 && lo < hi) return copy_every<4>(out + lo, from, hi - lo);
    for (int64_t j = lo; j < hi; ++j) out[j] = row[left + j * stride];
}

// `count` rows as copy_row makes them from row(0), row(1), ..., `width` numbers each, one after the other.
template <class T, class RowAt>
inline void copy_rows(T* out, int64_t width, int64_t count, const RowAt& row, int64_t size, int64_t left,
                      int64_t stride) {
    const auto copy_narrow = [&](auto vectors) INLINE {
        constexpr int last = vectors - 1;
        Span<T> spans[vectors];
        static_for<vectors>([&](auto v) { spans[v] = span_inside<T>(left + v * lanes<T>, size); });
        for (int64_t i = 0; i < count; ++i, out += width) {
            const T* const from = row(i);
            static_for<vectors>([&](auto v) INLINE {
                const Vec<T> numbers = from ? load_span<T>(from + left + v * lanes<T>, spans[v]) : Vec<T>{};
                if (v < last) store<T>(out + v * lanes<T>, numbers);
                else store_first<T>(out + v * lanes<T>, numbers, width - last * lanes<T>);
            });
        }
    };
    if (stride == 1 && width <= lanes<T>) return copy_narrow(std::integral_constant<int, 1>{});
    if (stride == 1 && width <= 2 * lanes<T>) return copy_narrow(std::integral_constant<int, 2>{});
    for (int64_t i = 0; i < count; ++i, out += width) copy_row<T>(out, row(i), size, left, stride, width);
}

}  // namespace striate::STRIATE_TARGET
