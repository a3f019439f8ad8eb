// A thin layer over the compilers' vector extensions: one width per target, no names of instructions outside.
// Everything lives in the target's own namespace, so that no inline function is shared between instruction sets.
#pragma once

#include "base/numbers.hpp"

#include <stdint.h>

#include <type_traits>
#include <utility>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

// Of a lambda: its code stands wherever it is called.
#define INLINE __attribute__((always_inline))

#ifndef STRIATE_TARGET
#error "compile with STRIATE_TARGET set to the name of the target"
#endif

namespace striate::STRIATE_TARGET {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif

template <class T>
struct Simd {
    typedef T type __attribute__((vector_size(vector_bytes)));
};
template <class T>
using Vec = typename Simd<T>::type;
template <class T>
inline constexpr int lanes = vector_bytes / int(sizeof(T));

// The number of a lane, and one for each lane of Vec<T>.
template <class T>
using Lane = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
template <class T>
using Lanes = Vec<Lane<T>>;

// f(0), ..., f(N - 1), each argument a constant.
template <int N, class F>
[[gnu::always_inline]] constexpr void static_for(F&& f) {
    [&]<int... I>(std::integer_sequence<int, I...>) INLINE {
        (f(std::integral_constant<int, I>{}), ...);
    }(std::make_integer_sequence<int, N>{});
}

// The numbers from 0 to N - 1, for a lambda that names them as a pack: innermost loops of register blocks, where
// static_for would have the compiler make a function of every step.
template <int N>
inline constexpr std::make_integer_sequence<int, N> steps{};
template <int... I>
using Steps = std::integer_sequence<int, I...>;

template <class T>
constexpr T least(T a, T b) {
    return b < a ? b : a;
}
template <class T>
constexpr T most(T a, T b) {
    return a < b ? b : a;
}

// Keeps `v` in a register here: no load of it is folded into its uses, no sum of it moved behind a branch, where GCC
// spills.
template <class V>
[[gnu::always_inline]] inline void settle(V& v) {
#if defined(__AVX2__)
    asm("" : "+v"(v));
#elif defined(__SSE__)
    asm("" : "+x"(v));
#elif defined(__aarch64__)
    asm("" : "+w"(v));
#endif
}

template <class T>
inline Vec<T> load(const T* p) {
    Vec<T> v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}
template <class T>
inline void store(T* p, Vec<T> v) {
    __builtin_memcpy(p, &v, sizeof v);
}

template <class T>
inline Vec<T> broadcast(T s) {
    return s - Vec<T>{};
}

// Lane i is lane from[i] of v; any lane where that is not below `lanes`.
template <class T>
inline Vec<T> permute(Vec<T> v, Lanes<T> from) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) return Vec<T>(_mm512_permutexvar_ps(__m512i(from), __m512(v)));
    else return Vec<T>(_mm512_permutexvar_pd(__m512i(from), __m512d(v)));
#else
#if defined(__AVX2__)
    if constexpr (sizeof(T) == 4) return Vec<T>(_mm256_permutevar8x32_ps(__m256(v), __m256i(from)));
#endif
    Vec<T> out;
    for (int i = 0; i < lanes<T>; ++i) out[i] = v[from[i] & (lanes<T> - 1)];
    return out;
#endif
}

// Fours of neighbours, from p, p + pitch, p + 2 * pitch, ... on, one after the other.
inline Vec<float> load_fours(const float* p, [[maybe_unused]] int64_t pitch) {
#if defined(__AVX512F__)
    const auto four = [&](int i) INLINE { return _mm_loadu_ps(p + i * pitch); };
    const __m512 low = _mm512_insertf32x4(_mm512_castps128_ps512(four(0)), four(1), 1);
    return Vec<float>(_mm512_insertf32x4(_mm512_insertf32x4(low, four(2), 2), four(3), 3));
#elif defined(__AVX2__)
    return Vec<float>(_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), _mm_loadu_ps(p + pitch), 1));
#else
    return load<float>(p);
#endif
}

// The first `count` lanes, 0 < count < lanes; nothing past them is read or written.
template <class T>
inline void store_part(T* p, Vec<T> v, int64_t count) {
#if defined(__AVX512F__)
    const unsigned mask = (1u << count) - 1;
    if constexpr (sizeof(T) == 4) _mm512_mask_storeu_ps(p, __mmask16(mask), __m512(v));
    else _mm512_mask_storeu_pd(p, __mmask8(mask), __m512d(v));
#else
    for (int64_t i = 0; i < count; ++i) p[i] = v[i];
#endif
}
// As above, and for all lanes too.
template <class T>
inline void store_first(T* p, Vec<T> v, int64_t count) {
    if (vector_bytes < 64 && count == lanes<T>) store<T>(p, v);
    else store_part<T>(p, v, count);
}
template <class T>
inline Vec<T> load_part(const T* p, int64_t count) {
#if defined(__AVX512F__)
    const unsigned mask = (1u << count) - 1;
    if constexpr (sizeof(T) == 4) return Vec<T>(_mm512_maskz_loadu_ps(__mmask16(mask), p));
    else return Vec<T>(_mm512_maskz_loadu_pd(__mmask8(mask), p));
#else
    Vec<T> v{};
    for (int64_t i = 0; i < count; ++i) v[i] = p[i];
    return v;
#endif
}

// The lanes of a vector that lie inside a row.
template <class T>
struct Span {
#if defined(__AVX512F__)
    unsigned mask;
#elif defined(__AVX2__)
    __m256i mask;
#else
    int first, stop;
#endif
};

// Lanes i with 0 <= from + i < size.
template <class T>
inline Span<T> span_inside(int64_t from, int64_t size) {
    const int width = lanes<T>;
    const int first = int(least<int64_t>(most<int64_t>(-from, 0), width));
    const int stop = int(least<int64_t>(most<int64_t>(size - from, first), width));
#if defined(__AVX512F__)
    return {((1u << stop) - 1) & ~((1u << first) - 1)};
#elif defined(__AVX2__)
    static constexpr int32_t steps[24] = {0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1};
    const int scale = int(sizeof(T)) / 4;
    const __m256i from_first = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(steps + 8 - first * scale));
    const __m256i to_stop = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(steps + 16 - stop * scale));
    return {_mm256_and_si256(from_first, to_stop)};
#else
    return {first, stop};
#endif
}

// Zero outside the span, where nothing is read.
template <class T>
inline Vec<T> load_span(const T* p, Span<T> span) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) return Vec<T>(_mm512_maskz_loadu_ps(__mmask16(span.mask), p));
    else return Vec<T>(_mm512_maskz_loadu_pd(__mmask8(span.mask), p));
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 4) return Vec<T>(_mm256_maskload_ps(p, span.mask));
    else return Vec<T>(_mm256_maskload_pd(p, span.mask));
#else
    if (span.first == 0 && span.stop == lanes<T>) return load<T>(p);
    Vec<T> v{};
    for (int i = 0; i < lanes<T>; ++i)
        if (span.first <= i && i < span.stop) v[i] = p[i];
    return v;
#endif
}

// Past the caches, to an address aligned to the vector; `streaming_done` orders such stores before those that follow
// it.
template <class T>
inline void store_streaming(T* p, Vec<T> v) {
#if defined(__AVX512F__)
    _mm512_stream_si512(reinterpret_cast<__m512i*>(p), __m512i(v));
#elif defined(__AVX2__)
    _mm256_stream_si256(reinterpret_cast<__m256i*>(p), __m256i(v));
#else
    store<T>(p, v);
#endif
}
inline void streaming_done() {
#if defined(__AVX2__)
    _mm_sfence();
#endif
}

}  // namespace striate::STRIATE_TARGET
