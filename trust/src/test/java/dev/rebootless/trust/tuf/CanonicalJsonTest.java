package dev.rebootless.trust.tuf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CanonicalJsonTest {
    private static String canonical(String json) {
        return new String(
                CanonicalJson.bytes(
                        CanonicalJson.parse(json.getBytes(StandardCharsets.UTF_8), "test")),
                StandardCharsets.UTF_8);
    }

    private static boolean isRead(String json) {
        try {
            canonical(json);
            return true;
        } catch (TufFault e) {
            assertThat(e.attack()).isEqualTo(TufFault.Attack.MALFORMED);
            return false;
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '\'',
            value = {
                "{\"b\": 1, \"a\" : [ 2 , true ] } | {\"a\":[2,true],\"b\":1}",
                "{\"a\": \"x\\\"y\\\\z\"} | {\"a\":\"x\\\"y\\\\z\"}",
                "{\"a\": \"\\u00e9\"} | {\"a\":\"é\"}",
                "{\"a\": {}, \"A\": []} | {\"A\":[],\"a\":{}}",
                "{\"a\": 2147483648} | {\"a\":2147483648}",
            })
    void onlyOneSpellingIsRead(String other, String json) {
        assertThat(isRead(other)).isFalse();
        assertThat(canonical(json)).isEqualTo(json);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "1",
                "{",
                "{\"a\"",
                "{\"a\":1.5}",
                "{\"a\":1e300}",
                "{\"a\":null}",
                "\"a",
                "{\"a\":\"",
            })
    void whatIsNoSuchObjectIsRefused(String json) {
        TufFault fault = catchThrowableOfType(TufFault.class, () -> canonical(json));
        assertThat(fault.attack()).isEqualTo(TufFault.Attack.MALFORMED);
    }

    @Test
    void whatIsNestedTooDeeplyIsRefused() {
        String deep = "{\"a\":" + "[".repeat(1_000_000) + "]".repeat(1_000_000) + "}";
        assertThat(catchThrowableOfType(TufFault.class, () -> canonical(deep)).attack())
                .isEqualTo(TufFault.Attack.MALFORMED);
    }

    @Test
    void whatIsEscapedDoubledOrMoreThanOneObjectIsRefused() {
        assertThat(isRead("{\"a\":\"x\\ny\"}")).isFalse();
        assertThat(isRead("{\"a\":\"\\ud800\"}")).isFalse();
        assertThat(isRead("{\"a\":1,\"a\":1}")).isFalse();
        assertThat(isRead("{\"a\":1}x")).isFalse();
    }
}
