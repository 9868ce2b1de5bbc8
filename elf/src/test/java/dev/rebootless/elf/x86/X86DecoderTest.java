package dev.rebootless.elf.x86;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.rebootless.elf.x86.Instruction.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class X86DecoderTest {
    /** What stands before every tested instruction, so that offsets are not all counted from 0. */
    private static final int BEFORE = 3;

    private static Instruction decode(String hex) {
        byte[] bytes = bytes(hex);
        // Bytes after the instruction that would be read as more prefixes, ModRM or immediate.
        byte[] code = new byte[BEFORE + bytes.length + X86Decoder.MAX_LENGTH];
        Arrays.fill(code, (byte) 0x66);
        System.arraycopy(bytes, 0, code, BEFORE, bytes.length);
        return X86Decoder.decode(code, BEFORE, code.length);
    }

    private static byte[] bytes(String hex) {
        return HexFormat.of().parseHex(hex.replace(" ", ""));
    }

    /** As {@code 3+4}: place within the instruction and size; {@code -} for none. */
    private static String text(Field field, Instruction instruction) {
        return field.isPresent()
                ? (field.offset() - instruction.offset()) + "+" + field.size()
                : "-";
    }

    @ParameterizedTest(name = "{0}: {4}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    # bytes | kind | displacement | immediate | what it is
                    # one byte map
                    00 c8                         | OTHER | - | - | add %cl,%al
                    48 01 44 24 08                | OTHER | 4+1 | - | add %rax,8(%rsp)
                    04 7f                         | OTHER | - | 1+1 | add $0x7f,%al
                    48 05 11 22 33 44             | OTHER | - | 2+4 | add $0x44332211,%rax
                    66 05 11 22                   | OTHER | - | 2+2 | add $0x2211,%ax
                    66 48 05 11 22 33 44          | OTHER | - | 3+4 | REX.W beats the operand-size prefix
                    48 66 05 11 22                | OTHER | - | 3+2 | a REX before another prefix is ignored
                    41 57                         | OTHER | - | - | push %r15
                    48 63 d0                      | OTHER | - | - | movslq %eax,%rdx
                    68 11 22 33 44                | OTHER | - | 1+4 | push $0x44332211
                    66 68 11 22                   | OTHER | - | 2+2 | pushw
                    6a ff                         | OTHER | - | 1+1 | push $-1
                    48 69 c0 11 22 33 44          | OTHER | - | 3+4 | imul
                    6b c0 0a                      | OTHER | - | 2+1 | imul with a byte
                    80 3d 11 22 33 44 05          | OTHER | 2+4 | 6+1 | cmpb $5,0x44332211(%rip)
                    81 7c 24 04 11 22 33 44       | OTHER | 3+1 | 4+4 | cmpl $0x44332211,4(%rsp)
                    66 81 7c 24 04 11 22          | OTHER | 4+1 | 5+2 | cmpw $0x2211,4(%rsp)
                    48 83 ec 28                   | OTHER | - | 3+1 | sub $0x28,%rsp
                    8b 04 25 28 00 00 00          | OTHER | 3+4 | - | mov 0x28,%eax (SIB without base)
                    65 48 8b 04 25 28 00 00 00    | OTHER | 5+4 | - | mov %gs:0x28,%rax
                    8b 04 cd 11 22 33 44          | OTHER | 3+4 | - | mov 0x44332211(,%rcx,8),%eax
                    8b 45 00                      | OTHER | 2+1 | - | mov 0(%rbp),%eax
                    41 8b 45 00                   | OTHER | 3+1 | - | mov 0(%r13),%eax
                    8b 80 11 22 33 44             | OTHER | 2+4 | - | mov 0x44332211(%rax),%eax
                    67 8b 05 11 22 33 44          | OTHER | 3+4 | - | mov (%eip), address-size prefix
                    8c d8                         | OTHER | - | - | mov %ds,%eax
                    8f 44 24 08                   | OTHER | 3+1 | - | pop 8(%rsp)
                    49 90                         | OTHER | - | - | xchg %rax,%r8
                    f3 90                         | OTHER | - | - | pause
                    9b                            | OTHER | - | - | fwait
                    a1 11 22 33 44 55 66 77 88    | OTHER | 1+8 | - | movabs 0x8877665544332211,%eax
                    67 a1 11 22 33 44             | OTHER | 2+4 | - | the same with a 32-bit address
                    f3 48 a5                      | OTHER | - | - | rep movsq
                    a8 01                         | OTHER | - | 1+1 | test $1,%al
                    a9 11 22 33 44                | OTHER | - | 1+4 | test $0x44332211,%eax
                    b0 01                         | OTHER | - | 1+1 | mov $1,%al
                    c0 e0 04                      | OTHER | - | 2+1 | shl $4,%al
                    c6 05 11 22 33 44 01          | OTHER | 2+4 | 6+1 | movb $1,0x44332211(%rip)
                    66 c7 45 f8 11 22             | OTHER | 3+1 | 4+2 | movw $0x2211,-8(%rbp)
                    48 c7 04 24 11 22 33 44       | OTHER | - | 4+4 | movq $0x44332211,(%rsp)
                    c6 f8 01                      | OTHER | - | 2+1 | xabort $1
                    c8 11 22 01                   | OTHER | - | 1+2 | enter $0x2211,$1
                    cd 80                         | OTHER | - | 1+1 | int $0x80
                    48 cf                         | OTHER | - | - | iretq
                    d9 7d fe                      | OTHER | 2+1 | - | fnstcw -2(%rbp)
                    df e0                         | OTHER | - | - | fnstsw %ax
                    e4 60                         | OTHER | - | 1+1 | in $0x60,%al
                    f6 c1 01                      | OTHER | - | 2+1 | test $1,%cl
                    f6 05 11 22 33 44 01          | OTHER | 2+4 | 6+1 | testb $1,0x44332211(%rip)
                    f6 d8                         | OTHER | - | - | neg %al
                    48 f7 c7 11 22 33 44          | OTHER | - | 3+4 | test $0x44332211,%rdi
                    66 f7 c7 11 22                | OTHER | - | 3+2 | test $0x2211,%di
                    f7 c8 11 22 33 44             | OTHER | - | 2+4 | test, its alias /1
                    48 f7 f1                      | OTHER | - | - | div %rcx
                    fe 45 00                      | OTHER | 2+1 | - | incb
                    ff 75 08                      | OTHER | 2+1 | - | push 8(%rbp)
                    # what a comparison treats in its own way
                    e8 00 00 00 00                | CALL_RELATIVE | 1+4 | - | call
                    66 66 48 e8 00 00 00 00       | CALL_RELATIVE | 4+4 | - | padded call
                    ff d0                         | CALL_INDIRECT | - | - | call *%rax
                    ff 15 11 22 33 44             | CALL_INDIRECT | 2+4 | - | call *0x44332211(%rip)
                    48 ff 5d 00                   | CALL_INDIRECT | 3+1 | - | far call
                    e9 fb ff ff ff                | JUMP_RELATIVE | 1+4 | - | jmp to itself
                    eb fe                         | JUMP_RELATIVE | 1+1 | - | jmp to itself
                    74 10                         | JUMP_CONDITIONAL | 1+1 | - | je
                    2e 0f 84 00 00 00 00          | JUMP_CONDITIONAL | 3+4 | - | je,pn
                    e3 10                         | JUMP_CONDITIONAL | 1+1 | - | jrcxz
                    67 e2 10                      | JUMP_CONDITIONAL | 2+1 | - | addr32 loop
                    c7 f8 00 00 00 00             | JUMP_CONDITIONAL | 2+4 | - | xbegin
                    ff e0                         | JUMP_INDIRECT | - | - | jmp *%rax
                    3e 41 ff e3                   | JUMP_INDIRECT | - | - | notrack jmp *%r11
                    ff 24 c5 11 22 33 44          | JUMP_INDIRECT | 3+4 | - | jmp *table(,%rax,8)
                    ff 6d 00                      | JUMP_INDIRECT | 2+1 | - | far jmp
                    c3                            | RETURN | - | - | ret
                    f3 c3                         | RETURN | - | - | repz ret
                    c2 08 00                      | RETURN | - | 1+2 | ret $8
                    48 cb                         | RETURN | - | - | lretq
                    90                            | NOP | - | - | nop
                    66 90                         | NOP | - | - | xchg %ax,%ax
                    66 66 66 90                   | NOP | - | - | as K8 liked it
                    0f 1f 00                      | NOP | - | - | nopl (%rax)
                    0f 1f 44 00 00                | NOP | 4+1 | - | nopl 0(%rax,%rax,1)
                    66 2e 0f 1f 84 00 00 00 00 00 | NOP | 6+4 | - | cs nopw 0(%rax,%rax,1)
                    f3 0f 1e fa                   | ENDBR64 | - | - | endbr64
                    f3 0f 1e fb                   | OTHER | - | - | endbr32
                    f3 48 0f 1e c8                | OTHER | - | - | rdsspq %rax
                    cc                            | INT3 | - | - | int3
                    0f 0b                         | UD2 | - | - | ud2
                    0f b9 40 10                   | UD1 | 3+1 | - | ud1 0x10(%rax),%eax
                    67 0f b9 40 10                | UD1 | 4+1 | - | clang's trap
                    # 0F, 0F 38, 0F 3A
                    0f 05                         | OTHER | - | - | syscall
                    0f 01 f8                      | OTHER | - | - | swapgs
                    0f 0f c1 b4                   | OTHER | - | 3+1 | pfmul %mm1,%mm0
                    0f 22 d8                      | OTHER | - | - | mov %rax,%cr3
                    0f 22 18                      | OTHER | - | - | the same: mod is ignored
                    0f 20 44                      | OTHER | - | - | no SIB or displacement either
                    0f 30                         | OTHER | - | - | wrmsr
                    66 0f 70 c0 1b                | OTHER | - | 4+1 | pshufd
                    66 0f 78 c0 01 02             | OTHER | - | 4+2 | extrq
                    f2 0f 78 c1 01 02             | OTHER | - | 4+2 | insertq
                    0f 78 c1                      | OTHER | - | - | vmread
                    0f a2                         | OTHER | - | - | cpuid
                    0f a4 c2 05                   | OTHER | - | 3+1 | shld $5
                    f3 0f a7 c8                   | OTHER | - | - | rep xcryptecb (VIA)
                    f0 48 0f ba 2d 11 22 33 44 07 | OTHER | 5+4 | 9+1 | lock btsq $7,0x44332211(%rip)
                    f3 48 0f b8 c7                | OTHER | - | - | popcnt
                    48 0f c7 4f 40                | OTHER | 4+1 | - | cmpxchg16b 0x40(%rdi)
                    0f c2 c1 00                   | OTHER | - | 3+1 | cmpeqps
                    0f 38 f1 07                   | OTHER | - | - | movbe
                    66 0f 38 dc c1                | OTHER | - | - | aesenc
                    66 0f 3a 44 c1 11             | OTHER | - | 5+1 | pclmulqdq
                    66 0f 3a 0f 05 11 22 33 44 08 | OTHER | 5+4 | 9+1 | palignr 0x44332211(%rip)
                    # VEX, EVEX, XOP
                    c5 f8 77                      | OTHER | - | - | vzeroupper
                    c5 fe 6f 05 11 22 33 44       | OTHER | 4+4 | - | vmovdqu 0x44332211(%rip)
                    c5 f9 70 c0 1b                | OTHER | - | 4+1 | vpshufd
                    c4 e2 79 00 05 11 22 33 44    | OTHER | 5+4 | - | vpshufb 0x44332211(%rip)
                    c4 e3 7d 39 c1 01             | OTHER | - | 5+1 | vextracti128
                    c4 e3 fb f0 c7 0d             | OTHER | - | 5+1 | rorx
                    65 c5 fe 6f 00                | OTHER | - | - | VEX after a segment prefix
                    62 f1 fe 48 6f 40 01          | OTHER | 6+1 | - | vmovdqu64 0x40(%rax),%zmm0
                    62 f3 fd 48 25 c1 ff          | OTHER | - | 6+1 | vpternlogq
                    62 f2 7d 48 58 05 11 22 33 44 | OTHER | 6+4 | - | vpbroadcastd 0x44332211(%rip)
                    62 f5 7c 48 58 c1             | OTHER | - | - | vaddph
                    62 f6 7d 48 98 c1             | OTHER | - | - | vfmadd132ph
                    8f e8 78 c2 c1 05             | OTHER | - | 5+1 | vprotd $5
                    8f e9 78 92 c1                | OTHER | - | - | vprotd by register
                    8f ea 78 10 c1 11 22 33 44    | OTHER | - | 5+4 | bextr $0x44332211
                    """)
    void anEncodingIsDecodedWithItsFields(
            String hex, Kind kind, String displacement, String immediate, String what) {
        Instruction instruction = decode(hex);

        assertThat(instruction.kind()).as(what).isEqualTo(kind);
        assertThat(instruction.offset()).isEqualTo(BEFORE);
        assertThat(instruction.length()).isEqualTo(bytes(hex).length);
        assertThat(text(instruction.displacement(), instruction)).isEqualTo(displacement);
        assertThat(text(instruction.immediate(), instruction)).isEqualTo(immediate);
        assertThat(instruction.ripRelative()).isEqualTo(what.contains("ip)"));
    }

    @ParameterizedTest(name = "{0}: {2}")
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
                    48 b8 11 22 33 44 55 66 77 88 | 0  | movabs to rax
                    49 bf 11 22 33 44 55 66 77 88 | 15 | movabs to r15
                    be 11 22 33 44                | 6  | mov to esi
                    66 bf 11 22                   | 7  | mov to di
                    48 c7 c7 11 22 33 44          | 7  | mov sign-extended to rdi
                    41 c7 c0 11 22 33 44          | 8  | mov to r8d
                    """)
    void aMoveOfAnImmediateNamesItsRegister(String hex, int register, String what) {
        Instruction instruction = decode(hex);

        assertThat(instruction.kind()).as(what).isEqualTo(Kind.MOV_IMMEDIATE_TO_REGISTER);
        assertThat(instruction.register()).isEqualTo(OptionalInt.of(register));
        assertThat(instruction.length()).isEqualTo(bytes(hex).length);
        assertThat(instruction.immediate().end()).isEqualTo(instruction.end());
        assertThat(instruction.displacement()).isEqualTo(Field.NONE);
    }

    @Test
    void aLeaNamesItsRegisterAndWhetherItIsRipRelative() {
        Instruction lea = decode("4c 8d 05 11 22 33 44");

        assertThat(lea.kind()).isEqualTo(Kind.LEA);
        assertThat(lea.register()).isEqualTo(OptionalInt.of(8));
        assertThat(lea.ripRelative()).isTrue();
        assertThat(lea.target()).isEqualTo(OptionalLong.empty());
    }

    @ParameterizedTest(name = "{0} goes to its start plus {1}")
    @CsvSource({
        "e8 00 00 00 00,5",
        "e8 fb ff ff ff,0",
        "e9 ff ff ff 7f,2147483652",
        "e9 00 00 00 80,-2147483643",
        "eb 80,-126",
        "7f 7f,129",
        "0f 8f 00 01 00 00,262",
        "66 e9 00 00 01 00,65542",
        "c7 f8 fa ff ff ff,0",
    })
    void aRelativeBranchKnowsItsTarget(String hex, long target) {
        assertThat(decode(hex).target()).isEqualTo(OptionalLong.of(BEFORE + target));
    }

    @ParameterizedTest(name = "{0}: {1}")
    @CsvSource({
        "06,push %es",
        "27,daa",
        "37,aaa",
        "60,pusha",
        "82 c0 01,the alias of group 1",
        "9a,far call with a pointer",
        "ce,into",
        "d4 0a,aam",
        "d6,salc",
        "ea,far jmp with a pointer",
        "0f 04,no opcode",
        "0f 0a,no opcode",
        "0f 24 c0,a test register",
        "0f ba c0 01,group 8 /0",
        "0f 38 0f c0,no opcode",
        "0f 3a 00 c0 01,no opcode",
        "8d c0,lea of a register",
        "8f cb 78 c0 c1,XOP with map 11",
        "8f e0,pop with /4",
        "c7 c8 11 22 33 44,group 11 /1",
        "fe d0,group 4 /2",
        "ff d8,far call to a register",
        "ff e8,far jmp to a register",
        "ff f8,group 5 /7",
        "66 c5 f8 77,VEX after an operand-size prefix",
        "48 c5 f8 77,VEX after REX",
        "f0 c5 f8 77,VEX after LOCK",
        "c4 e0 79 00 c0,VEX with map 0",
        "c4 e4 79 00 c0,VEX with map 4",
        "62 f4 7c 48 58 c1,EVEX with map 4 (APX)",
        "62 f9 7c 48 58 c1,EVEX with a fixed bit set",
        "62 f1 78 48 58 c1,EVEX with a fixed bit clear",
        "d5 00 90,REX2 (APX)",
        "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66,prefixes alone"
    })
    void whatIsNoInstructionIsUnknownAndOneByteLong(String hex, String what) {
        Instruction instruction = decode(hex);

        assertThat(instruction.kind()).as(what).isEqualTo(Kind.UNKNOWN);
        assertThat(instruction.length()).isEqualTo(1);
    }

    @Test
    void fifteenBytesAreAnInstructionAndSixteenAreNot() {
        String longest = "66 ".repeat(X86Decoder.MAX_LENGTH - 1) + "90";

        assertThat(decode(longest).kind()).isEqualTo(Kind.NOP);
        assertThat(decode(longest).length()).isEqualTo(X86Decoder.MAX_LENGTH);
        assertThat(decode("66 " + longest).kind()).isEqualTo(Kind.UNKNOWN);
    }

    @ParameterizedTest
    @CsvSource({
        "66 81 84 88 11 22 33 44 55 66",
        "48 b8 11 22 33 44 55 66 77 88",
        "0f 3a 0f c0 01",
        "62 f2 7d 48 58 05 11 22 33 44",
        "c4 e3 7d 39 05 11 22 33 44 01",
        "c5 fe 6f 05 11 22 33 44",
        "8f ea 78 10 c1 11 22 33 44",
        "8f 44 24 08",
        "0f 84 00 00 00 00",
        "c8 11 22 01",
    })
    void anInstructionThatIsCutOffAnywhereIsUnknown(String hex) {
        byte[] code = bytes(hex);

        assertThat(X86Decoder.decode(code, 0, code.length).length()).isEqualTo(code.length);
        for (int end = 1; end < code.length; end++) {
            assertThat(X86Decoder.decode(code, 0, end))
                    .as("cut to %s bytes", end)
                    .isEqualTo(Instruction.unknown(0));
        }
    }

    @Test
    void askingForAnInstructionWhereNoByteIsIsTheCallersFault() {
        byte[] code = new byte[4];

        assertThatThrownBy(() -> X86Decoder.decode(code, 4, 4))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> X86Decoder.decode(code, 0, 5))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void aRangeIsCoveredWithoutGapByItsInstructions() {
        byte[] code = bytes("cc 55 48 89 e5 06 e8 00 00 00 00 5d c3 cc");

        List<String> seen = new ArrayList<>();
        for (Instruction instruction : X86Decoder.all(code, 1, 13)) {
            seen.add(instruction.offset() + " " + instruction.kind());
        }

        assertThat(seen)
                .containsExactly(
                        "1 OTHER",
                        "2 OTHER",
                        "5 UNKNOWN",
                        "6 CALL_RELATIVE",
                        "11 OTHER",
                        "12 RETURN");
        assertThat(X86Decoder.all(code, 1, 13).stream()).hasSize(seen.size());
        assertThat(X86Decoder.all(code, 3, 3)).isEmpty();
    }

    @Test
    void aFieldReadsItsNumberWithItsSign() {
        byte[] code = bytes("48 b8 11 22 33 44 55 66 77 88 7f");

        assertThat(new Field(2, 8).signedValue(code)).isEqualTo(0x8877665544332211L);
        assertThat(new Field(2, 4).signedValue(code)).isEqualTo(0x44332211);
        assertThat(new Field(8, 2).signedValue(code)).isEqualTo((short) 0x8877);
        assertThat(new Field(9, 1).signedValue(code)).isEqualTo((byte) 0x88);
        assertThat(Field.NONE.signedValue(code)).isZero();
        assertThat(Field.NONE.contains(0)).isFalse();
        assertThat(new Field(2, 4).contains(5)).isTrue();
        assertThat(new Field(2, 4).contains(6)).isFalse();
    }
}
