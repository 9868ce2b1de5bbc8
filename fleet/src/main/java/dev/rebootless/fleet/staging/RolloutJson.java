package dev.rebootless.fleet.staging;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.rebootless.base.RebootlessException;
import dev.rebootless.fleet.rollout.Limit;
import dev.rebootless.fleet.rollout.Phase;
import dev.rebootless.fleet.rollout.RolloutPlan;
import dev.rebootless.fleet.rollout.RolloutState;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.cfg.DateTimeFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * Plans and states as JSON: records by their components, times as ISO 8601, and of what is one of
 * several kinds the field {@code is}.
 */
public final class RolloutJson {
    private static final JsonMapper MAPPER =
            JsonMapper.builder()
                    .disable(DateTimeFeature.WRITE_DURATIONS_AS_TIMESTAMPS)
                    .disable(DateTimeFeature.WRITE_DATES_AS_TIMESTAMPS)
                    .disable(DateTimeFeature.ADJUST_DATES_TO_CONTEXT_TIME_ZONE)
                    .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
                    .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
                    .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
                    .addMixIn(Phase.class, Phases.class)
                    .addMixIn(Limit.class, Limits.class)
                    .build();

    private RolloutJson() {}

    @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "is")
    @JsonSubTypes({
        @JsonSubTypes.Type(value = Phase.Waiting.class, name = "waiting"),
        @JsonSubTypes.Type(value = Phase.Running.class, name = "running"),
        @JsonSubTypes.Type(value = Phase.Soaking.class, name = "soaking"),
        @JsonSubTypes.Type(value = Phase.Done.class, name = "done"),
        @JsonSubTypes.Type(value = Phase.Paused.class, name = "paused"),
        @JsonSubTypes.Type(value = Phase.Halted.class, name = "halted"),
        @JsonSubTypes.Type(value = Phase.Reversing.class, name = "reversing"),
        @JsonSubTypes.Type(value = Phase.Reversed.class, name = "reversed"),
        @JsonSubTypes.Type(value = Phase.Aborted.class, name = "aborted"),
        @JsonSubTypes.Type(value = Phase.Superseded.class, name = "superseded")
    })
    private interface Phases {}

    @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "is")
    @JsonSubTypes({
        @JsonSubTypes.Type(value = Limit.Hosts.class, name = "hosts"),
        @JsonSubTypes.Type(value = Limit.Percent.class, name = "percent")
    })
    private interface Limits {}

    /** A plan or a state as JSON. */
    public static String write(Record value) {
        return MAPPER.writeValueAsString(value);
    }

    /** A plan that {@link #write} wrote. */
    public static RolloutPlan plan(String json) {
        return MAPPER.readValue(json, RolloutPlan.class);
    }

    /** A state that {@link #write} wrote. */
    public static RolloutState state(String json) {
        return MAPPER.readValue(json, RolloutState.class);
    }

    /**
     * A part of a plan that a person sent.
     *
     * @throws RebootlessException exit status 2: {@code RBL-ROLLOUT-FORMAT}, or what is not sound
     */
    static <T> T sent(String json, Class<T> type) {
        try {
            return MAPPER.readValue(json, type);
        } catch (JacksonException e) {
            if (e.getCause() instanceof RebootlessException unsound) {
                throw unsound;
            }
            throw RebootlessException.usage(
                    "RBL-ROLLOUT-FORMAT",
                    "rings",
                    "cannot be read: "
                            + String.valueOf(e.getOriginalMessage()).lines().findFirst().orElse(""),
                    "see the schema RolloutOrder in the server's OpenAPI document");
        }
    }
}
