#include "ways/target.hpp"
#include "simd/simd.hpp"

namespace striate::STRIATE_TARGET {

#define STRIATE_TASK(name, Plan, T) void name##_task<T>(const Plan&, const Args&, const Unit&)
#define STRIATE_float_only(name, Plan) extern template STRIATE_TASK(name, Plan, float);
#define STRIATE_float_and_double(name, Plan) \
    STRIATE_float_only(name, Plan) extern template STRIATE_TASK(name, Plan, double);
#define STRIATE_WAY(name, Plan, elements, error_bound, spreads)
#define STRIATE_KERNEL(name, Plan, elements) \
    template <class T> \
    void name##_task(const Plan&, const Args&, const Unit&); \
    STRIATE_##elements(name, Plan)
#include "ways/ways.def"
#undef STRIATE_KERNEL
#undef STRIATE_float_only
#undef STRIATE_float_and_double

namespace {

float burn(int64_t rounds, const float* values) {
    constexpr int rows = vector_bytes == 64 ? 8 : 4;
    Vec<float> acc[rows][3] = {};
    for (int64_t i = 0; i < rounds * 8 / rows; ++i) {
        const float* at = values + i % 64;
        Vec<float> in[3];
        for (int j = 0; j < 3; ++j) in[j] = load<float>(at + j * lanes<float>);
        for (int k = 0; k < rows; ++k)
            for (int j = 0; j < 3; ++j) acc[k][j] += broadcast(at[k]) * in[j];
    }
    float sum = 0;
    for (int k = 0; k < rows; ++k)
        for (int j = 0; j < 3; ++j) sum += acc[k][j][0];
    return sum;
}

}  // namespace

extern const Target target;
const Target target = {
#define STRIATE_STRING(name) STRIATE_STRING_OF(name)
#define STRIATE_STRING_OF(name) #name
    STRIATE_STRING(STRIATE_TARGET),
    vector_bytes,
    vector_bytes == 64,
    burn,
#define STRIATE_float_only(name) {name##_task<float>, nullptr},
#define STRIATE_float_and_double(name) {name##_task<float>, name##_task<double>},
#define STRIATE_KERNEL(name, Plan, elements) STRIATE_##elements(name)
#include "ways/ways.def"
};

}  // namespace striate::STRIATE_TARGET
