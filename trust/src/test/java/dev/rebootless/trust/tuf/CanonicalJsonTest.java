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
    void everySpellingHasOneForm(String json, String expected) {
        assertThat(canonical(json)).isEqualTo(expected);
        assertThat(canonical(expected)).isEqualTo(expected);
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
    void aControlCharacterStandsForItself() {
        assertThat(canonical("{\"a\":\"x\\ny\"}")).isEqualTo("{\"a\":\"x\ny\"}");
    }
}
