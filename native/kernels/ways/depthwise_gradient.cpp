#include "ways/depthwise_gradient.hpp"

#include "base/pool.hpp"
#include "simd/rows.hpp"
#include "ways/target.hpp"

namespace striate::STRIATE_TARGET {
namespace {

// Kernel rows and columns that are taken at a time.
constexpr int rows_at_once[] = {3, 1}, columns_at_once[] = {5, 3, 1};
constexpr int64_t chain = 128;  // products

template <class T>
struct Filter {
    static constexpr int L = lanes<T>;

    const Problem& p;
    const T *grad, *x;  // of the first image
    T* out;

    // sums[i] += the lanes of acc[i], which become zero.
    template <int Count>
    [[gnu::always_inline]] static void end_chain(Vec<T> (&acc)[Count], double* sums) {
        static_for<ceil_div(Count, L)>([&](auto part) INLINE {
            constexpr int first = part * L, some = Count - first < L ? Count - first : L;
            constexpr int count = some == 1 ? 1 : some == 2 ? 2 : some <= 4 ? 4 : some <= 8 ? 8 : 16;
            Vec<T> chains[count] = {};
            static_for<some>([&](auto i) INLINE {
                chains[i] = acc[first + i];
                acc[first + i] = Vec<T>{};
            });
            T ended[L];
            store<T>(ended, lane_sums<T>(chains));
            for (int i = 0; i < some; ++i) sums[first + i] += double(ended[i]);
        });
    }

    // The gradient of kernel rows [r, r + Rows) and columns [s, s + Columns).
    template <int Rows, int Columns>
    void take(int64_t r, int64_t s) const {
        double sums[Rows * Columns] = {};
        const int64_t plane = p.h * p.w, top = r * p.dh - p.pad_top;
        for (int64_t ox = 0; ox < p.ow; ox += L) {
            const int64_t count = least<int64_t>(L, p.ow - ox), left = ox + s * p.dw - p.pad_left;
            const Span<T> taken = span_inside<T>(0, count);
            Span<T> spans[Columns];
            static_for<Columns>([&](auto i) {
                const int64_t from = left + i * p.dw;
                spans[i] = span_inside<T>(from, least(p.w, from + count));
            });
            Vec<T> acc[Rows * Columns] = {};
            int64_t held = 0;
            for (int64_t image = 0; image < p.n; ++image) {
                const T* from = grad + image * p.k * p.oh * p.ow + ox;
                const T* row = x + image * p.c * plane + top * p.w + left;
                for (int64_t oy = 0; oy < p.oh; ++oy, from += p.ow, row += p.w) {
                    if (held++ == chain) {
                        end_chain(acc, sums);
                        held = 1;
                    }
                    // The next filter's.
                    __builtin_prefetch(from + p.oh * p.ow);
                    __builtin_prefetch(row + plane);
                    const Vec<T> g = load_span<T>(from, taken);
                    static_for<Rows>([&](auto j) INLINE {
                        const int64_t y = oy + top + j * p.dh;
                        const bool inside = y >= 0 && y < p.h;
                        // Zeros outside take part, as in the definition: a NaN makes one of them.
                        static_for<Columns>([&](auto i) INLINE {
                            const T* const at = row + j * p.dh * p.w + i * p.dw;
                            acc[j * Columns + i] += g * (inside ? load_span<T>(at, spans[i]) : Vec<T>{});
                        });
                    });
                }
            }
            end_chain(acc, sums);
        }
        for (int j = 0; j < Rows; ++j)
            for (int i = 0; i < Columns; ++i) out[(r + j) * p.kw + s + i] = T(sums[j * Columns + i]);
    }

    template <int Rows>
    void take_rows(int64_t r) const {
        int64_t s = 0;
        static_for<3>([&](auto i) {
            constexpr int columns = columns_at_once[i];
            for (; s + columns <= p.kw; s += columns) take<Rows, columns>(r, s);
        });
    }

    void run() const {
        int64_t r = 0;
        static_for<2>([&](auto i) {
            constexpr int rows = rows_at_once[i];
            for (; r + rows <= p.kh; r += rows) take_rows<rows>(r);
        });
    }
};

}  // namespace

template <class T>
void depthwise_gradient_task(const DepthwiseGradientPlan& d, const Args& a, const Unit& unit) {
    const Problem& p = d.p;
    const int64_t stop = least((unit.task + 1) * d.filters, p.k);
    for (int64_t k = unit.task * d.filters; k < stop; ++k) {
        const T* const grad = static_cast<const T*>(a.packed) + k * p.oh * p.ow;
        const T* const x = static_cast<const T*>(a.x) + k / p.group_k() * p.h * p.w;
        Filter<T>{p, grad, x, static_cast<T*>(a.out) + k * p.taps()}.run();
    }
}

template void depthwise_gradient_task<float>(const DepthwiseGradientPlan&, const Args&, const Unit&);
template void depthwise_gradient_task<double>(const DepthwiseGradientPlan&, const Args&, const Unit&);

}  // namespace striate::STRIATE_TARGET
