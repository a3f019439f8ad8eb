// A thin layer over the compilers' vector extensions: one width per target, no names of instructions outside.
// Everything lives in the target's own namespace, so that no inline function is shared between instruction sets.
#pragma once

#include <stdint.h>

#include <utility>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

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

// f(0), ..., f(N - 1), each argument a constant.
template <int N, class F>
[[gnu::always_inline]] constexpr void static_for(F&& f) {
    [&]<int... I>(std::integer_sequence<int, I...>) __attribute__((always_inline)) {
        (f(std::integral_constant<int, I>{}), ...);
    }(std::make_integer_sequence<int, N>{});
}

template <class T>
inline T least(T a, T b) { return b < a ? b : a; }
template <class T>
inline T most(T a, T b) { return a < b ? b : a; }
inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Keeps `v` in a register here: computed before, used after.
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
inline void store(T* p, Vec<T> v) { __builtin_memcpy(p, &v, sizeof v); }

template <class T>
inline Vec<T> broadcast(T s) { return s - Vec<T>{}; }

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

}  // namespace striate::STRIATE_TARGET
