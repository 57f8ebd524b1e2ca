// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/core/json_keys.h"

#include <algorithm>
#include <limits>

namespace vlm {

using nlohmann::json;

const json *JsonKeys::find(const char *key) const {
  const auto found = values_.find(key);
  return found == values_.end() || found->is_null() ? nullptr : &*found;
}

const json &JsonKeys::need(const char *key) const {
  const json *value = find(key);
  if (!value)
    wrong(key, "is missing");
  return *value;
}

const json &JsonKeys::list(const char *key) const {
  const json &value = need(key);
  if (!value.is_array() || value.empty())
    wrong(key, "is ", value.dump(), ", expected a list");
  return value;
}

int64_t JsonKeys::checked(const char *key, const json &value, int64_t least, int64_t most) const {
  if (!value.is_number_integer())
    wrong(key, "is ", value.dump(), ", expected an integer");
  const int64_t number = value.is_number_unsigned()
                             ? static_cast<int64_t>(std::min<uint64_t>(
                                   value.get<uint64_t>(), std::numeric_limits<int64_t>::max()))
                             : value.get<int64_t>();
  if (number < least || number > most)
    wrong(key, "is ", value.dump(), ", expected ", least, " to ", most);
  return number;
}

int64_t JsonKeys::integer(const char *key, int64_t least, int64_t most,
                          std::optional<int64_t> otherwise) const {
  if (otherwise && !find(key))
    return *otherwise;
  return checked(key, need(key), least, most);
}

std::vector<int64_t> JsonKeys::integers(const char *key, int64_t least, int64_t most) const {
  std::vector<int64_t> out;
  for (const json &value : list(key))
    out.push_back(checked(key, value, least, most));
  return out;
}

double JsonKeys::positive(const char *key, double most, double otherwise) const {
  const json *value = find(key);
  if (!value)
    return otherwise;
  if (!value->is_number())
    wrong(key, "is ", value->dump(), ", expected a number");
  const double number = value->get<double>();
  if (!(number > 0 && number <= most))
    wrong(key, "is ", value->dump(), ", expected a positive number up to ", most);
  return number;
}

bool JsonKeys::flag(const char *key, bool otherwise) const {
  const json *value = find(key);
  if (!value)
    return otherwise;
  if (!value->is_boolean())
    wrong(key, "is ", value->dump(), ", expected true or false");
  return value->get<bool>();
}

std::string JsonKeys::text(const char *key, const char *otherwise) const {
  const json *value = find(key);
  if (!value)
    return otherwise;
  if (!value->is_string())
    wrong(key, "is ", value->dump(), ", expected a string");
  return value->get<std::string>();
}

std::vector<std::string> JsonKeys::texts(const char *key) const {
  std::vector<std::string> out;
  for (const json &value : list(key)) {
    if (!value.is_string())
      wrong(key, "holds ", value.dump(), ", expected strings");
    out.push_back(value.get<std::string>());
  }
  return out;
}

} // namespace vlm
