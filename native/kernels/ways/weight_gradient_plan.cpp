#include "ways/weight_gradient.hpp"

#include <algorithm>
#include <numeric>

namespace striate {
namespace {

constexpr int64_t band_vectors = 64;  // dot products of so many vectors, long against summing their lanes
// Of laid out pixels, of sums, and of gradients: together within the second cache.
constexpr int64_t cached_bytes = 256 * 1024;
constexpr int64_t lanes_cached_bytes = 512 * 1024;
constexpr int64_t tasks_per_thread = 4;
constexpr int64_t lanes_band = 1024;        // pixels: long runs, and few sums of bands
constexpr int64_t turned_vectors = 12;      // of filters of a task whose gradient is turned: fewer leave room for taps
constexpr int64_t worth_turning = 16;       // taps that each number of the gradient meets
constexpr int64_t kept_bytes = 768 * 1024;  // of turned gradients that several tasks share
constexpr int64_t narrow = 12;              // pixels of a row, of which each kernel column has a copy of its own
constexpr int64_t least_tasks = 16;         // from which on the bands are cut
constexpr int64_t part_pixels = 1024;       // of a part at least

// `count`, rounded up to whole `unit`s.
int64_t whole(int64_t count, int64_t unit) { return ceil_div(count, unit) * unit; }

}  // namespace

bool worth_lanes(const Problem& p, int64_t lanes) {
    const int64_t padded = ceil_div(p.group_k(), lanes) * lanes;
    return 4 * p.group_k() >= 3 * padded && p.group_c() * p.taps() >= worth_turning && p.taps() <= 128;
}

WeightGradientPlan plan_weight_gradient(const Problem& p, int64_t lanes, bool by_lanes, int threads) {
    WeightGradientPlan d{};
    d.p = p;
    d.lanes = lanes;
    d.by_lanes = by_lanes;
    const int64_t cached = by_lanes ? lanes_cached_bytes : cached_bytes;
    const int64_t band = by_lanes ? lanes_band : band_vectors * lanes;
    const int64_t filter_unit = by_lanes ? lanes : 1, column_unit = by_lanes ? p.kw : 1;
    const int64_t least_filters = by_lanes ? 3 * lanes : 12;
    d.width = ceil_div(p.ow, ceil_div(p.ow, (by_lanes ? 1 : 2) * band));
    d.rows = std::clamp(band / p.ow, int64_t(1), p.oh);
    d.rows = ceil_div(p.oh, ceil_div(p.oh, d.rows));
    d.images = d.rows < p.oh ? 1 : std::clamp(band / (p.oh * p.ow), int64_t(1), p.n);
    d.bands = ceil_div(p.n, d.images) * ceil_div(p.oh, d.rows) * ceil_div(p.ow, d.width);
    d.phases_y = std::min(p.kh, p.sh / std::gcd(p.sh, p.dh));
    d.shift_y = (p.kh - 1) * p.dh / p.sh;
    const bool by_columns = !by_lanes || p.ow < narrow;
    d.copies = by_columns ? p.kw : std::min(p.kw, p.sw / std::gcd(p.sw, p.dw));
    d.shift_x = by_columns ? 0 : (p.kw - 1) * p.dw / p.sw;
    d.in_place = p.sh == 1 && p.sw == 1 && !p.padded() && (by_lanes || (p.kw == 1 && d.width == p.ow));
    const int64_t by_gradients = cached / (d.images * d.rows * d.width * p.element_bytes());
    const int64_t most = by_lanes ? std::min(by_gradients, turned_vectors * lanes) : by_gradients;
    d.filters = std::min(p.group_k(), whole(std::max(least_filters, most), filter_unit));
    const int64_t by_pixels = cached / (d.images * d.copies * d.copy_elements() / p.kw * p.element_bytes());
    const int64_t by_sums = cached / (d.filters * p.kh * int64_t(sizeof(double)));
    d.columns = std::min(whole(std::max<int64_t>(1, std::min(by_pixels, by_sums)), column_unit), d.group_columns());
    const int64_t natural = p.groups * ceil_div(p.group_k(), d.filters) * ceil_div(d.group_columns(), d.columns);
    const int64_t pixels = p.n * p.oh * p.ow;
    const int64_t cut = by_lanes ? std::min(ceil_div(least_tasks, natural), pixels / part_pixels) : 1;
    d.part_bands = ceil_div(d.bands, std::clamp(cut, int64_t(1), d.bands));
    d.parts = ceil_div(d.bands, d.part_bands);
    const int64_t wanted = ceil_div(tasks_per_thread * threads, p.groups * d.parts);
    if (d.group_columns() / d.columns < wanted && threads > 1)
        d.columns = whole(std::max<int64_t>(1, d.group_columns() / wanted), column_unit);
    d.c_tasks = ceil_div(d.group_columns(), d.columns);
    if (d.c_tasks * ceil_div(p.group_k(), d.filters) < wanted && threads > 1)
        d.filters =
            std::clamp(ceil_div(p.group_k() * d.c_tasks, wanted), std::min(least_filters, d.filters), d.filters);
    d.filters = std::min(whole(d.filters, filter_unit), p.group_k());
    d.k_tasks = ceil_div(p.group_k(), d.filters);
    d.keeps_turned = d.c_tasks > 1 && d.part_bands * d.band_turned() * p.element_bytes() <= kept_bytes;
    return d;
}

}  // namespace striate
