// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/categories.h"

#include "model/core/error.h"
#include "model/training/scenes/table.h"

namespace vlm::scenes {
namespace {

NounKind noun_kind(const Table &table, size_t row) {
  const std::string &kind = table.cell(row, "kind");
  if (kind == "count")
    return NounKind::Count;
  if (kind == "mass-singular")
    return NounKind::MassSingular;
  if (kind == "mass-plural")
    return NounKind::MassPlural;
  fail(ErrorCategory::Format, table.place(row), ": unknown kind of noun \"", kind, '"');
}

} // namespace

Categories::Categories(const std::string &path) {
  const Table table(path);
  for (size_t row = 0; row < table.rows(); ++row) {
    Category category{table.cell(row, "name"), table.cell(row, "plural"), table.cell(row, "group"),
                      noun_kind(table, row)};
    if (find(category.name) >= 0)
      fail(ErrorCategory::Format, table.place(row), ": category \"", category.name, "\" twice");
    list_.push_back(std::move(category));
  }
  if (list_.empty())
    fail(ErrorCategory::Format, path, ": no categories");
}

int Categories::find(const std::string &name) const {
  for (int i = 0; i < size(); ++i)
    if (list_[static_cast<size_t>(i)].name == name)
      return i;
  return -1;
}

} // namespace vlm::scenes
