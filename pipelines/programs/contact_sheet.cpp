// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/contact_sheet.h"

#include "model/core/error.h"

#include <pango/pangocairo.h>

#include <algorithm>
#include <memory>

namespace vlm {
namespace {

constexpr int kColumns = 3;
constexpr int kCellWidth = 400;
constexpr int kPictureHeight = 225;
constexpr int kTextHeight = 84;
constexpr int kMargin = 12;

using Surface = std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)>;
using Context = std::unique_ptr<cairo_t, decltype(&cairo_destroy)>;

Surface to_surface(const Image &image) {
  Surface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, image.width, image.height),
                  cairo_surface_destroy);
  cairo_surface_flush(surface.get());
  unsigned char *rows = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  for (int y = 0; y < image.height; ++y) {
    auto *out = reinterpret_cast<uint32_t *>(rows + y * stride);
    const uint8_t *in = image.rgb.data() + size_t(y) * image.width * 3;
    for (int x = 0; x < image.width; ++x, in += 3)
      out[x] = uint32_t{in[0]} << 16 | uint32_t{in[1]} << 8 | in[2];
  }
  cairo_surface_mark_dirty(surface.get());
  return surface;
}

void draw_text(cairo_t *cr, const std::string &text, const char *font, double x, double y,
               int width, int height) {
  PangoLayout *layout = pango_cairo_create_layout(cr);
  PangoFontDescription *description = pango_font_description_from_string(font);
  pango_layout_set_font_description(layout, description);
  pango_layout_set_width(layout, width * PANGO_SCALE);
  pango_layout_set_height(layout, height * PANGO_SCALE);
  pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
  pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
  pango_layout_set_text(layout, text.data(), static_cast<int>(text.size()));
  cairo_move_to(cr, x, y);
  pango_cairo_show_layout(cr, layout);
  pango_font_description_free(description);
  g_object_unref(layout);
}

void draw_cell(cairo_t *cr, const CaptionedFrame &cell, double x, double y) {
  const Image &image = cell.frame;
  const double scale =
      std::min(double(kCellWidth) / image.width, double(kPictureHeight) / image.height);
  const Surface picture = to_surface(image);
  cairo_save(cr);
  cairo_translate(cr, x + (kCellWidth - image.width * scale) / 2,
                  y + (kPictureHeight - image.height * scale) / 2);
  cairo_scale(cr, scale, scale);
  cairo_set_source_surface(cr, picture.get(), 0, 0);
  cairo_paint(cr);
  cairo_restore(cr);
  cairo_set_source_rgb(cr, 0.55, 0.6, 0.7);
  draw_text(cr, cell.title, "Sans 9", x, y + kPictureHeight + 4, kCellWidth, 16);
  cairo_set_source_rgb(cr, 0.95, 0.95, 0.95);
  draw_text(cr, cell.text, "Sans 12", x, y + kPictureHeight + 20, kCellWidth, kTextHeight - 22);
}

} // namespace

void write_contact_sheet_png(const std::string &path, const std::vector<CaptionedFrame> &frames) {
  const int count = static_cast<int>(frames.size());
  const int columns = std::clamp(count, 1, kColumns);
  const int rows = std::max(1, (count + kColumns - 1) / kColumns);
  const int cell_height = kPictureHeight + kTextHeight;
  const Surface sheet(cairo_image_surface_create(CAIRO_FORMAT_RGB24,
                                                 kMargin + columns * (kCellWidth + kMargin),
                                                 kMargin + rows * (cell_height + kMargin)),
                      cairo_surface_destroy);
  const Context cr(cairo_create(sheet.get()), cairo_destroy);
  cairo_set_source_rgb(cr.get(), 0.09, 0.1, 0.12);
  cairo_paint(cr.get());
  for (int i = 0; i < count; ++i)
    draw_cell(cr.get(), frames[size_t(i)], kMargin + (i % columns) * (kCellWidth + kMargin),
              kMargin + (i / columns) * (cell_height + kMargin));
  const cairo_status_t status = cairo_surface_write_to_png(sheet.get(), path.c_str());
  if (status != CAIRO_STATUS_SUCCESS)
    fail(ErrorCategory::Unreadable, path, ": ", cairo_status_to_string(status));
}

} // namespace vlm
