#pragma once

#include <nanobind/nanobind.h>

void register_runtime(nanobind::module_& m);
void register_plan(nanobind::module_& m);
