package dev.rebootless.host.agent;

import dev.rebootless.base.ExitStatus;
import dev.rebootless.base.Printable;
import dev.rebootless.base.RebootlessException;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Shows whose this host is, and what the agent did last; asks nobody. */
final class AgentStatus {
    private final AgentMachine machine;
    private final AgentOutput output;

    AgentStatus(AgentMachine machine, AgentOutput output) {
        this.machine = machine;
        this.output = output;
    }

    ExitStatus show() {
        AgentFolder agent = new AgentFolder(machine.files(), AgentFolder.AGENT);
        AgentFolder apply = new AgentFolder(machine.files(), AgentFolder.APPLY);
        if (!agent.exists()) {
            Enrolment.unfinished(machine).ifPresent(output::say);
            throw Settings.notEnrolled();
        }
        Settings settings = Settings.in(agent);
        Standing standing = Standing.in(agent);
        Optional<Order> order = Optional.empty();
        try {
            order = agent.document(Order.FILE).map(Order::of);
        } catch (RebootlessException e) {
            output.say(e.problems().getFirst().text());
        }
        Optional<Outcome> last = Outcome.in(apply);
        Map<String, String> distrusted = new Journal(apply).distrusted();
        output.print(
                output.json()
                        ? json(settings, standing, order, last, distrusted)
                        : Printable.text(text(settings, standing, order, last, distrusted)));
        return ExitStatus.DONE;
    }

    private static String json(
            Settings settings,
            Standing standing,
            Optional<Order> order,
            Optional<Outcome> last,
            Map<String, String> distrusted) {
        return AgentJson.document()
                        .put("server", settings.server().toString())
                        .put("fingerprint", settings.fingerprint().toString())
                        .put("host", settings.host())
                        .put("enrolled", settings.enrolled().toString())
                        .put("ring", standing.ring().orElse(null))
                        .put("reported", standing.reported().map(Instant::toString).orElse(null))
                        .put("order", order.map(o -> order(o)).orElse(null))
                        .put("outcome", last.map(o -> o.json().map()).orElse(null))
                        .put(
                                "distrusted",
                                distrusted.entrySet().stream()
                                        .map(e ->
                                                AgentJson.object()
                                                        .put("sha256", e.getKey())
                                                        .put("why", e.getValue())
                                                        .map())
                                        .toList())
                        .text()
                + "\n";
    }

    private static Map<String, @Nullable Object> order(Order order) {
        return order.json().map();
    }

    private String text(
            Settings settings,
            Standing standing,
            Optional<Order> order,
            Optional<Outcome> last,
            Map<String, String> distrusted) {
        StringBuilder text = new StringBuilder();
        text.append("server    ").append(settings.server()).append('\n');
        text.append("          ").append(settings.fingerprint()).append('\n');
        text.append("host      ").append(settings.host()).append('\n');
        text.append("ring      ").append(standing.ring().orElse("not known yet")).append('\n');
        text.append("reported  ")
                .append(standing.reported().map(Instant::toString).orElse("never"))
                .append('\n');
        order.ifPresent(o ->
                text.append("ordered   ")
                        .append(o.text())
                        .append(", until ")
                        .append(o.until())
                        .append('\n'));
        last.ifPresent(o -> {
            text.append("last      ")
                    .append(o.step().map(Step::text).orElse("see to what is installed"))
                    .append(": ")
                    .append(o.result().word())
                    .append('\n');
            o.problems().forEach(p -> text.append("          ").append(p.text()).append('\n'));
        });
        distrusted.forEach((sha256, why) ->
                text.append("never     ")
                        .append(sha256, 0, 16)
                        .append("…: ")
                        .append(why)
                        .append('\n'));
        return text.toString();
    }
}
