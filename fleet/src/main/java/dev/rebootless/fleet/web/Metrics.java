package dev.rebootless.fleet.web;

import io.prometheus.metrics.config.EscapingScheme;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Map;
import java.util.function.DoubleSupplier;

/** What this process has done, for Prometheus. */
public final class Metrics {
    private final PrometheusRegistry registry = new PrometheusRegistry();

    private final Counter requests =
            Counter.builder()
                    .name("rebootless_requests_total")
                    .help("Requests by route and HTTP status.")
                    .labelNames("method", "route", "status")
                    .register(registry);

    private final Histogram seconds =
            Histogram.builder()
                    .name("rebootless_request_seconds")
                    .help("Time from the end of a request's header to the answer.")
                    .labelNames("route")
                    .classicOnly()
                    .classicUpperBounds(
                            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
                    .register(registry);

    private final Histogram batch =
            Histogram.builder()
                    .name("rebootless_reports_per_commit")
                    .help("Reports that were written in one transaction.")
                    .classicOnly()
                    .classicUpperBounds(1, 2, 5, 10, 20, 50, 100, 200, 500)
                    .register(registry);

    /** A request was answered. */
    public void answered(Route route, int status, long nanos) {
        requests.labelValues(route.method(), route.path(), String.valueOf(status)).inc();
        seconds.labelValues(route.path()).observe(nanos / 1e9);
    }

    /** Reports were written. */
    public void committed(int reports) {
        batch.observe(reports);
    }

    /** A value that is asked for when somebody looks. */
    public void gauge(String name, String help, DoubleSupplier value) {
        GaugeWithCallback.builder()
                .name(name)
                .help(help)
                .callback(callback -> callback.call(value.getAsDouble()))
                .register(registry);
    }

    /** {@code GET /metrics}, in the text format of Prometheus. */
    public Answer get(Request request) {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        PrometheusTextFormatWriter writer = PrometheusTextFormatWriter.create();
        try {
            writer.write(text, registry.scrape(), EscapingScheme.DEFAULT);
        } catch (IOException e) {
            throw new IllegalStateException("memory can be written to", e);
        }
        return new Answer(
                200, writer.getContentType(), Map.of(), new Answer.Bytes(text.toByteArray()));
    }
}
