package dev.rebootless.host;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** The calls as this machine's C library makes them; x86-64's numbers, as all modules are. */
final class LinuxKernelCalls implements KernelCalls {
    /** arch/x86/entry/syscalls/syscall_64.tbl. */
    private static final long WRITE = 1;

    private static final long CLOSE = 3;
    private static final long FCNTL = 72;
    private static final long SYSLOG = 103;
    private static final long DELETE_MODULE = 176;
    private static final long FINIT_MODULE = 313;
    private static final long MEMFD_CREATE = 319;

    /** include/uapi/asm-generic/fcntl.h. */
    private static final long O_NONBLOCK = 04000;

    /** include/uapi/linux/memfd.h. */
    private static final long MFD_CLOEXEC = 1;

    private static final long MFD_SEALING = 2;

    /** include/uapi/linux/fcntl.h: F_SEAL_SEAL, SHRINK, GROW and WRITE. */
    private static final long F_ADD_SEALS = 1033;

    private static final long ALL_SEALS = 15;

    /** SYSLOG_ACTION_READ_ALL and SYSLOG_ACTION_SIZE_BUFFER of include/linux/syslog.h. */
    private static final long READ_ALL = 3;

    private static final long SIZE_BUFFER = 10;

    /** Eight times Debian's buffer. */
    private static final long MAX_LOG_BYTES = 1L << 20;

    /** Made at the first call: most commands make none, and this takes longer than they do. */
    private static final class Syscall {
        static final StructLayout STATE = Linker.Option.captureStateLayout();

        private static final VarHandle ERRNO =
                STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
        private static final AddressLayout POINTER = ValueLayout.ADDRESS;
        private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

        /** long syscall(long number, pointer, long, long): what a call does not take is ignored. */
        static final MethodHandle ON_POINTER =
                handle(FunctionDescriptor.of(LONG, LONG, POINTER, LONG, LONG));

        /** long syscall(long number, long, pointer, long). */
        static final MethodHandle ON_DESCRIPTOR =
                handle(FunctionDescriptor.of(LONG, LONG, LONG, POINTER, LONG));

        /** long syscall(long number, long, long, long). */
        static final MethodHandle ON_NUMBERS =
                handle(FunctionDescriptor.of(LONG, LONG, LONG, LONG, LONG));

        private Syscall() {}

        // syscall(2) takes what the descriptors say; what it points to lives until the call
        // returns.
        @SuppressWarnings("restricted")
        private static MethodHandle handle(FunctionDescriptor descriptor) {
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(
                    linker.defaultLookup().findOrThrow("syscall"),
                    descriptor,
                    Linker.Option.captureCallState("errno"),
                    Linker.Option.firstVariadicArg(1));
        }

        static int errno(MemorySegment state) {
            return (int) ERRNO.get(state, 0L);
        }
    }

    @Override
    public int insert(byte[] module) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Syscall.STATE);
            MemorySegment name = arena.allocateFrom("rebootless");
            long fd =
                    (long)
                            Syscall.ON_POINTER.invokeExact(
                                    state, MEMFD_CREATE, name, MFD_CLOEXEC | MFD_SEALING, 0L);
            if (fd < 0) {
                return Syscall.errno(state);
            }
            int errno = insert(state, fd, arena.allocateFrom(ValueLayout.JAVA_BYTE, module));
            // Whatever becomes of the descriptor, the kernel has the module, or not.
            long _ =
                    (long)
                            Syscall.ON_DESCRIPTOR.invokeExact(
                                    state, CLOSE, fd, MemorySegment.NULL, 0L);
            return errno;
        } catch (Throwable e) {
            throw new IllegalStateException("syscall(2) could not be called", e);
        }
    }

    private int insert(MemorySegment state, long fd, MemorySegment module) throws Throwable {
        long written = 0;
        while (written < module.byteSize()) {
            MemorySegment rest = module.asSlice(written);
            long count =
                    (long)
                            Syscall.ON_DESCRIPTOR.invokeExact(
                                    state, WRITE, fd, rest, rest.byteSize());
            if (count <= 0) {
                return Syscall.errno(state);
            }
            written += count;
        }
        long sealed =
                (long) Syscall.ON_NUMBERS.invokeExact(state, FCNTL, fd, F_ADD_SEALS, ALL_SEALS);
        if (sealed < 0) {
            return Syscall.errno(state);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment parameters = arena.allocateFrom("");
            long result =
                    (long)
                            Syscall.ON_DESCRIPTOR.invokeExact(
                                    state, FINIT_MODULE, fd, parameters, 0L);
            return result < 0 ? Syscall.errno(state) : DONE;
        }
    }

    @Override
    public int remove(String name) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Syscall.STATE);
            MemorySegment module = arena.allocateFrom(name);
            long result =
                    (long)
                            Syscall.ON_POINTER.invokeExact(
                                    state, DELETE_MODULE, module, O_NONBLOCK, 0L);
            return result < 0 ? Syscall.errno(state) : DONE;
        } catch (Throwable e) {
            throw new IllegalStateException("syscall(2) could not be called", e);
        }
    }

    @Override
    public Optional<String> log() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(Syscall.STATE);
            long size =
                    (long)
                            Syscall.ON_DESCRIPTOR.invokeExact(
                                    state, SYSLOG, SIZE_BUFFER, MemorySegment.NULL, 0L);
            if (size <= 0) {
                return Optional.empty();
            }
            // A smaller buffer gets the newest (kernel/printk/printk.c, syslog_print_all()).
            long some = Math.min(size, MAX_LOG_BYTES);
            MemorySegment buffer = arena.allocate(some);
            long read =
                    (long) Syscall.ON_DESCRIPTOR.invokeExact(state, SYSLOG, READ_ALL, buffer, some);
            return read < 0
                    ? Optional.empty()
                    : Optional.of(
                            new String(
                                    buffer.asSlice(0, read).toArray(ValueLayout.JAVA_BYTE),
                                    StandardCharsets.UTF_8));
        } catch (Throwable e) {
            throw new IllegalStateException("syscall(2) could not be called", e);
        }
    }
}
