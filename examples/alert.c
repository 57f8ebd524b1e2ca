/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks a yes-or-no question about every second of a video, and says when the answer changes.
 *
 * usage: alert VIDEO "Is there a dog?"
 *
 * vlmcaption posts every record once, as an element message named vlmcaption/caption: the place to react
 * to, for the bus is read on the application's own thread. */
#include <gst/gst.h>

typedef struct {
  GMainLoop *loop;
  gboolean raised;
  int status;
} Watch;

static void
on_record (Watch *watch, const GstStructure *record)
{
  const gchar *text = gst_structure_get_string (record, "text");
  guint64 pts = 0;
  gst_structure_get_uint64 (record, "pts", &pts);
  if (text == NULL || text[0] == '\0')
    return; /* dropped or failed: nothing was said */
  const gboolean yes = g_str_has_prefix (text, "Yes");
  if (yes == watch->raised)
    return;
  watch->raised = yes;
  g_print ("%" GST_TIME_FORMAT " %s: %s\n", GST_TIME_ARGS (pts), yes ? "alert" : "over", text);
}

static gboolean
on_message (GstBus *bus, GstMessage *message, gpointer data)
{
  Watch *watch = data;
  (void) bus;
  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ELEMENT:
      if (gst_message_has_name (message, "vlmcaption/caption"))
        on_record (watch, gst_message_get_structure (message));
      break;
    case GST_MESSAGE_ERROR: {
      GError *error;
      gst_message_parse_error (message, &error, NULL);
      g_printerr ("%s\n", error->message);
      g_error_free (error);
      watch->status = 1;
      g_main_loop_quit (watch->loop);
      break;
    }
    case GST_MESSAGE_EOS:
      g_main_loop_quit (watch->loop);
      break;
    default:
      break;
  }
  return G_SOURCE_CONTINUE;
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  if (argc != 3) {
    g_printerr ("usage: alert VIDEO QUESTION\n");
    return 2;
  }
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch ("uridecodebin name=video ! videoconvert ! "
      "vlmcaption name=captioner interval=1000000000 ! fakesink sync=false", &error);
  if (pipeline == NULL) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  gchar *uri = gst_filename_to_uri (argv[1], NULL);
  gst_child_proxy_set (GST_CHILD_PROXY (pipeline), "video::uri", uri, "captioner::prompt", argv[2],
      NULL);
  g_free (uri);

  Watch watch = { g_main_loop_new (NULL, FALSE), FALSE, 0 };
  GstBus *bus = gst_element_get_bus (pipeline);
  gst_bus_add_watch (bus, on_message, &watch);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_main_loop_run (watch.loop);

  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_bus_remove_watch (bus);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  g_main_loop_unref (watch.loop);
  return watch.status;
}
