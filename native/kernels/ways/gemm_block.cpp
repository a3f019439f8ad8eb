#include "ways/gemm_block.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int L = lanes<float>;
using V = Vec<float>;

// ROWS numbers by NV vectors, held in registers.
template <int ROWS, int NV, class Numbers>
void multiply(int64_t channels, Numbers numbers, const float* vectors, int64_t pitch, const GemmSink& sink) {
    V acc[ROWS * NV];
    static_for<ROWS * NV>([&](auto i) INLINE { acc[i] = V{}; });
    if (sink.out)
        static_for<ROWS * NV>(
            [&](auto i) INLINE { __builtin_prefetch(sink.out + i / NV * sink.plane + i % NV * L + L - 1, 1); });
    const float* ahead = sink.ahead;
    const int64_t ahead_pitch = sink.ahead_pitch;
    for (int64_t c = 0; c < channels; ++c) {
        const float* const number = numbers.next();
        __builtin_prefetch(ahead, 0, 2);
        V in[NV];
        static_for<NV>([&](auto v) INLINE { in[v] = load<float>(vectors + v * L); });
        static_for<ROWS>([&](auto i) INLINE {
            const V value = broadcast(number[i]);
            static_for<NV>([&](auto v) INLINE { acc[i * NV + v] += value * in[v]; });
        });
        vectors += pitch;
        ahead += ahead_pitch;
    }
    // Keeps the compiler from moving multiply-adds behind the stores, which spills the block.
    static_for<ROWS * NV>([&](auto i) INLINE { settle(acc[i]); });
    float* const sums = sink.sums;
    if (!sink.first) static_for<ROWS * NV>([&](auto i) INLINE { acc[i] = load<float>(sums + i * L) + acc[i]; });
    if (!sink.out) return static_for<ROWS * NV>([&](auto i) INLINE { store<float>(sums + i * L, acc[i]); });
    float* out = sink.out;
    const Limits<float> limits = sink.limits;
    if (!sink.bias && !limits.any) {
        static_for<ROWS>([&](auto i) INLINE {
            static_for<NV>([&](auto v) INLINE { store<float>(out + v * L, acc[i * NV + v]); });
            out += sink.plane;
        });
        return;
    }
    static_for<ROWS>([&](auto i) INLINE {
        const V bias = broadcast(sink.bias ? sink.bias[i] : 0.0f);
        static_for<NV>([&](auto v) INLINE { store<float>(out + v * L, limits.clamp(acc[i * NV + v] + bias)); });
        out += sink.plane;
    });
}

template <class Numbers>
constexpr Multiplies<Numbers> all() {
    Multiplies<Numbers> multiplies{};
    static_for<most_gemm_rows>([&](auto i) {
        static_for<gemm_vectors(i + 1, many_registers)>(
            [&](auto v) { multiplies.of[i][v] = multiply<i + 1, v + 1, Numbers>; });
    });
    return multiplies;
}

}  // namespace

constexpr Multiplies<Rows> multiply_rows = all<Rows>();
constexpr Multiplies<Fields> multiply_fields = all<Fields>();

}  // namespace striate::STRIATE_TARGET
