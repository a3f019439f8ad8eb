#include "ways/weight_gradient.hpp"

#include <algorithm>
#include <numeric>

namespace striate {
namespace {

constexpr int64_t band_vectors = 64;  // dot products of so many vectors, long against summing their lanes
constexpr int64_t cached_bytes =
    256 * 1024;  // of laid out pixels, of sums, and of gradients: together within the second cache
constexpr int64_t tasks_per_thread = 4;
constexpr int64_t least_filters = 12;  // two register blocks, for which pixels are worth laying out

}  // namespace

WeightGradientPlan plan_weight_gradient(const Problem& p, int64_t lanes, int threads) {
    WeightGradientPlan d{};
    d.p = p;
    d.lanes = lanes;
    const int64_t band = band_vectors * lanes;
    d.width = ceil_div(p.ow, ceil_div(p.ow, 2 * band));
    d.rows = std::clamp(band / p.ow, int64_t(1), p.oh);
    d.images = d.rows < p.oh ? 1 : std::clamp(band / (p.oh * p.ow), int64_t(1), p.n);
    d.phases_y = std::min(p.kh, p.sh / std::gcd(p.sh, p.dh));
    d.shift_y = (p.kh - 1) * p.dh / p.sh;
    d.in_place = p.kw == 1 && p.sh == 1 && p.sw == 1 && !p.padded() && d.width == p.ow;
    d.filters = std::min(p.group_k(),
                         std::max(least_filters, cached_bytes / (d.images * d.rows * d.width * p.element_bytes())));
    const int64_t by_pixels = cached_bytes / (d.images * d.column_elements() * p.element_bytes());
    const int64_t by_sums = cached_bytes / (d.filters * p.kh * int64_t(sizeof(double)));
    d.columns = std::clamp(std::min(by_pixels, by_sums), int64_t(1), d.group_columns());
    const int64_t wanted = ceil_div(tasks_per_thread * threads, p.groups);
    if (d.group_columns() / d.columns < wanted && threads > 1)
        d.columns = std::max<int64_t>(1, d.group_columns() / wanted);
    d.c_tasks = ceil_div(d.group_columns(), d.columns);
    if (d.c_tasks * ceil_div(p.group_k(), d.filters) < wanted && threads > 1)
        d.filters =
            std::clamp(ceil_div(p.group_k() * d.c_tasks, wanted), std::min(least_filters, d.filters), d.filters);
    d.k_tasks = ceil_div(p.group_k(), d.filters);
    return d;
}

}  // namespace striate
