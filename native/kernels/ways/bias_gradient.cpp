#include "ways/bias_gradient.hpp"

#include "base/pool.hpp"
#include "simd/simd.hpp"
#include "ways/target.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int chains = 4;
constexpr int64_t chain = 128;         // vectors
constexpr int64_t ahead_bytes = 2048;  // that are asked for before they are read

// The sum of `plane` numbers from each of `images` places `pitch` apart.
template <class T>
double sum_of(const T* from, int64_t images, int64_t pitch, int64_t plane) {
    constexpr int L = lanes<T>;
    constexpr int64_t step = chains * L, ahead = ahead_bytes / int64_t(sizeof(T));
    double sums[L] = {};
    Vec<T> acc[chains] = {};
    int64_t held = 0;
    const auto end_chains = [&]() INLINE {
        T ended[L];
        store<T>(ended, (acc[0] + acc[1]) + (acc[2] + acc[3]));
        for (int i = 0; i < L; ++i) sums[i] += double(ended[i]);
        for (int i = 0; i < chains; ++i) acc[i] = Vec<T>{};
        held = 0;
    };
    for (int64_t image = 0; image < images; ++image, from += pitch) {
        for (int64_t start = 0; start < plane; start += chain * step) {
            const int64_t count = least(plane - start, chain * step), steps = ceil_div(count, step);
            if (held + steps > chain) end_chains();
            held += steps;
            const T* const at = from + start;
            int64_t q = 0;
            for (; q + step <= count; q += step)
                static_for<chains>([&](auto i) INLINE {
                    acc[i] += load<T>(at + q + i * L);
                    __builtin_prefetch(at + q + i * L + ahead);
                });
            static_for<chains - 1>([&](auto i) INLINE {
                if (q + L > count) return;
                acc[i] += load<T>(at + q);
                q += L;
            });
            if (q < count) acc[chains - 1] += load_part<T>(at + q, count - q);
        }
    }
    end_chains();
    double sum = 0;
    for (int i = 0; i < L; ++i) sum += sums[i];
    return sum;
}

}  // namespace

template <class T>
void bias_gradient_task(const BiasGradientPlan& d, const Args& a, const Unit& unit) {
    const int64_t stop = least((unit.task + 1) * d.filters, d.k);
    for (int64_t k = unit.task * d.filters; k < stop; ++k)
        static_cast<T*>(a.out)[k] = T(sum_of(static_cast<const T*>(a.x) + k * d.plane, d.n, d.k * d.plane, d.plane));
}

template void bias_gradient_task<float>(const BiasGradientPlan&, const Args&, const Unit&);
template void bias_gradient_task<double>(const BiasGradientPlan&, const Args&, const Unit&);

}  // namespace striate::STRIATE_TARGET
