#include "problems.hpp"

#include <sstream>
#include <stdexcept>

using striate::Activation;
using striate::DType;
using striate::Problem;

std::string Case::text() const {
    const Problem& p = problem;
    std::ostringstream s;
    s << "n" << p.n << " c" << p.c << " " << p.h << "x" << p.w << " k" << p.k << " " << p.kh << "x" << p.kw
      << " stride " << p.sh << "," << p.sw << " padding " << p.pad_top << "," << p.pad_bottom << "," << p.pad_left
      << "," << p.pad_right << " dilation " << p.dh << "," << p.dw << " groups " << p.groups
      << (p.dtype == DType::float32 ? " f32" : " f64") << " activation " << int(activation) << " seed " << seed;
    return s.str();
}

namespace {

// n c h w k kh kw, stride, padding (top bottom left right), dilation, groups
const Problem named[] = {
    {1, 1, 4, 4, 1, 3, 3},
    {1, 1, 1, 1, 1, 1, 1},
    {1, 3, 1, 1, 5, 1, 1, 1, 1, 1, 1, 1, 1},
    {2, 6, 5, 9, 4, 3, 3, 1, 1, 0, 2, 3, 0, 1, 1, 2},
    {1, 16, 14, 14, 32, 3, 3, 1, 1, 1, 1, 1, 1},
    {1, 40, 7, 7, 48, 3, 3, 1, 1, 1, 1, 1, 1},
    {1, 8, 9, 11, 8, 3, 3, 1, 1, 5, 6, 7, 8},
    {1, 4, 17, 17, 8, 5, 5, 1, 1, 2, 2, 2, 2, 2, 2},
    {2, 32, 6, 10, 32, 3, 3, 2, 2, 0, 1, 0, 1, 1, 1, 32},
    {1, 5, 13, 21, 7, 2, 2, 7, 5},
    {1, 24, 16, 16, 40, 1, 1},
    {3, 17, 5, 7, 19, 1, 1, 2, 2},
    {1, 20, 7, 7, 20, 13, 13, 1, 1, 6, 6, 6, 6, 1, 1, 20},
    {1, 2, 70, 90, 2, 15, 15, 1, 1, 7, 7, 7, 7, 1, 1, 2},
    {1, 12, 30, 30, 12, 4, 3, 1, 1, 1, 2, 1, 1, 1, 1, 3},
    {1, 64, 20, 20, 8, 5, 5, 1, 1, 2, 2, 2, 2},
    {1, 33, 64, 64, 9, 1, 1},
    {1, 20, 28, 28, 40, 3, 3, 2, 2, 1, 1, 1, 1},
    {2, 18, 13, 30, 6, 3, 3, 2, 2, 0, 1, 1, 0, 1, 1, 2},
    {1, 24, 29, 31, 20, 5, 5, 2, 2, 2, 2, 2, 2, 1, 1, 2},
    {1, 5, 25, 19, 18, 7, 7, 2, 2, 3, 3, 3, 3},
    {1, 17, 14, 17, 9, 4, 4, 2, 2, 1, 1, 1, 1},
    {1, 16, 20, 12, 16, 6, 6, 2, 2, 0, 2, 2, 0},
    {1, 9, 1, 2, 3, 3, 3, 2, 2, 1, 1, 1, 1},
    {1, 19, 14, 14, 33, 3, 3, 1, 1, 1, 1, 1, 1},
    {1, 12, 12, 11, 7, 2, 2},
    {1, 12, 15, 18, 7, 4, 4, 1, 1, 2, 1, 1, 2, 2, 2},
    {3, 300, 7, 7, 50, 1, 1},
    {2, 40, 13, 15, 100, 1, 1, 2, 2},
    {5, 257, 1, 1, 70, 1, 1},
    {1, 1000, 1, 1, 5, 1, 1},
    {2, 20, 6, 5, 24, 1, 1, 1, 2, 1, 2, 0, 3, 1, 1, 2},
    {1, 7, 61, 53, 3, 1, 1},
    {2, 129, 14, 14, 17, 1, 1},
    {4, 6, 3, 1, 34, 1, 1},
    {2, 3, 15, 49, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 3},
    {1, 5, 9, 33, 5, 3, 3, 2, 2, 0, 2, 2, 1, 1, 1, 5},
    {1, 2, 4, 17, 2, 5, 5, 2, 2, 6, 7, 5, 6, 1, 1, 2},
    {1, 3, 12, 31, 3, 9, 9, 1, 1, 4, 4, 4, 4, 1, 1, 3},
    {1, 2, 19, 70, 2, 9, 9, 2, 2, 4, 4, 4, 4, 1, 1, 2},
    {1, 3, 1, 1, 3, 7, 7, 1, 1, 3, 3, 3, 3, 1, 1, 3},
    {2, 9, 14, 14, 18, 27, 27, 1, 1, 13, 13, 13, 13, 1, 1, 9},
    {1, 21, 5, 8, 21, 3, 5, 1, 1, 0, 4, 6, 6, 2, 3, 21},
    {1, 17, 3, 13, 17, 1, 13, 1, 1, 2, 2, 5, 7, 1, 1, 17},
    {1, 3, 40, 64, 6, 3, 3, 1, 1, 1, 1, 1, 1},
    {2, 3, 9, 150, 9, 5, 5, 1, 1, 2, 2, 2, 2},
    {1, 2, 12, 141, 5, 7, 7, 2, 2, 3, 3, 3, 3},
    {1, 3, 35, 67, 7, 11, 11, 4, 4},
    {1, 3, 23, 131, 4, 5, 5, 2, 2, 1, 1, 1, 1, 2, 2},
    {1, 30, 6, 70, 8, 3, 3, 1, 1, 1, 1, 1, 1},
    {1, 6, 7, 33, 10, 3, 2, 1, 1, 0, 2, 5, 0, 2, 1, 2},
    {1, 96, 11, 11, 40, 3, 3, 1, 1, 2, 2, 2, 2, 4, 4},
    {2, 70, 7, 7, 33, 3, 3, 2, 2, 1, 1, 1, 1},
    {3, 130, 3, 3, 35, 3, 3},
    {1, 16, 68, 66, 35, 2, 2, 2, 2},
    {1, 3, 65, 63, 33, 3, 3, 2, 2, 1, 1, 1, 1},
    {1, 3, 48, 64, 40, 16, 16, 16, 16},
    {2, 66, 5, 20, 34, 2, 5, 1, 2, 3, 0, 9, 7, 1, 3, 2},
    {1, 43, 20, 1, 18, 3, 1, 3, 1, 1, 1, 2, 0},
    {1, 200, 29, 31, 37, 1, 1},
    {1, 34, 23, 27, 66, 5, 5, 2, 2, 1, 2, 0, 1, 2, 2, 2},
    {2, 16, 31, 26, 16, 3, 3, 2, 3, 1, 1, 4, 3, 4, 6},
    {1, 18, 21, 25, 20, 3, 3, 4, 4, 2, 1, 3, 2, 2, 2},
    {2, 9, 60, 70, 40, 1, 1},
    {1, 130, 9, 9, 40, 3, 3, 1, 1, 1, 1, 1, 1},
    {1, 3, 30, 70, 33, 7, 7, 3, 4, 3, 3, 3, 3},
    {2, 5, 15, 130, 18, 3, 6, 4, 3, 1, 0, 4, 5},
    {1, 2, 9, 100, 6, 2, 2, 1, 30, 0, 1, 0, 2},
    {1, 1, 3, 300, 4, 1, 9, 1, 90},
    {1, 20, 30, 32, 19, 1, 1},
    {1, 60, 17, 17, 128, 1, 7},
    {2, 130, 20, 14, 61, 7, 1, 1, 1, 3, 2, 0, 0},
    {2, 64, 9, 14, 126, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 2},
    {1, 100, 21, 14, 64, 3, 3, 2, 1, 1, 0, 2, 1, 2, 1},
    {1, 90, 23, 28, 127, 5, 3, 2, 1, 1, 0, 2, 1, 2, 2},
};

Problem drawn(std::mt19937& random) {
    const auto pick = [&](std::initializer_list<int64_t> from) {
        return from.begin()[std::uniform_int_distribution<size_t>(0, from.size() - 1)(random)];
    };
    Problem p{};
    p.groups = pick({1, 1, 1, 2, 3, 16});
    p.n = pick({1, 1, 2, 3});
    p.c = p.groups * pick({1, 1, 2, 3, 5, 17, 33});
    p.k = p.groups * pick({1, 1, 2, 3, 8, 9, 33});
    p.kh = pick({1, 2, 3, 3, 3, 5, 7, 11});
    p.kw = pick({p.kh, p.kh, p.kh, 1, 4});
    p.sh = pick({1, 1, 1, 2, 3, 5});
    p.sw = pick({p.sh, p.sh, 1, 4});
    p.dh = pick({1, 1, 1, 2, 3});
    p.dw = pick({p.dh, p.dh, 1, 4});
    p.h = pick({1, 4, 7, 14, 15, 23, 31});
    p.w = pick({1, 3, 7, 8, 14, 28, 33, 50});
    for (int64_t* pad : {&p.pad_top, &p.pad_bottom, &p.pad_left, &p.pad_right}) *pad = pick({0, 0, 1, 2, 3, 6});
    return p;
}

}  // namespace

std::vector<Case> cases(unsigned seed, int count) {
    std::vector<Case> all;
    std::mt19937 random(seed);
    const auto add = [&](Problem p) {
        p.dtype = random() % 3 ? DType::float32 : DType::float64;
        all.push_back({striate::checked(p), Activation(random() % 3), random() % 2 == 0, unsigned(random())});
    };
    for (const Problem& p : named) add(p);
    while (count > 0) {
        const Problem p = drawn(random);
        const bool empty = p.h + p.pad_top + p.pad_bottom < p.dh * (p.kh - 1) + 1 ||
                           p.w + p.pad_left + p.pad_right < p.dw * (p.kw - 1) + 1;
        if (empty) continue;
        add(p);
        --count;
    }
    return all;
}

template <class T>
Data<T>::Data(const Case& c, Edge edge)
    : x(c.problem.input_count(), edge),
      weight(c.problem.weight_count(), edge),
      bias(c.problem.k, edge),
      out(c.problem.output_count(), edge) {
    std::mt19937 random(c.seed);
    std::normal_distribution<double> normal;
    for (Guarded<T>* array : {&x, &weight, &bias})
        for (int64_t i = 0; i < array->size(); ++i) (*array)[i] = T(normal(random));
    for (int64_t i = 0; i < out.size(); ++i) out[i] = T(7);
}

template <class T>
std::vector<double> reference(const Case& c, const Data<T>& data) {
    const Problem& p = c.problem;
    std::vector<double> result;
    for (int64_t n = 0; n < p.n; ++n)
        for (int64_t k = 0; k < p.k; ++k)
            for (int64_t oy = 0; oy < p.oh; ++oy)
                for (int64_t ox = 0; ox < p.ow; ++ox) {
                    double sum = c.bias ? double(data.bias[k]) : 0;
                    for (int64_t i = 0; i < p.group_c(); ++i)
                        for (int64_t r = 0; r < p.kh; ++r)
                            for (int64_t s = 0; s < p.kw; ++s) {
                                const int64_t y = oy * p.sh + r * p.dh - p.pad_top,
                                              x = ox * p.sw + s * p.dw - p.pad_left;
                                const int64_t channel = k / p.group_k() * p.group_c() + i;
                                const bool inside = y >= 0 && y < p.h && x >= 0 && x < p.w;
                                sum += double(data.weight[((k * p.group_c() + i) * p.kh + r) * p.kw + s]) *
                                       (inside ? double(data.x[((n * p.c + channel) * p.h + y) * p.w + x]) : 0.0);
                            }
                    if (c.activation != Activation::none && sum < 0) sum = 0;
                    if (c.activation == Activation::relu6 && sum > 6) sum = 6;
                    result.push_back(sum);
                }
    return result;
}

template struct Data<float>;
template struct Data<double>;
template std::vector<double> reference(const Case&, const Data<float>&);
template std::vector<double> reference(const Case&, const Data<double>&);
