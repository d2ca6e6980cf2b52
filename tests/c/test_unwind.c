/* Each stack equals libgcc's, at every kind of frame: loops, changing registers, deep recursion with every cap, alloca,
 * realigned frames, signal handlers on both kinds of stack, coroutines, siglongjmp, frames that need full registers,
 * code without unwind data. Never a fault, and within the stack that unwind.h allows. */
#define _GNU_SOURCE
#include <alloca.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unwind.h>

#include "image.h"
#include "odd_frames.h"
#include "record/region.h"
#include "record/unwind.h"
#include "unwind_machine.h"

#define NOINLINE __attribute__((noinline))
#ifdef __SANITIZE_THREAD__
#define DEEP 50000 /* what its own shadow stack holds */
#elif IS_EHABI
#define DEEP 500 /* whole walks */
#else
#define DEEP 100000
#endif
#if defined(VZ_SANITIZED) || !defined(__OPTIMIZE__)
#define STACK_LIMIT 8000 /* sanitizers' own frames */
#else
#define STACK_LIMIT (VZ_MACHINE_LEAST_STACK - 256)
#endif
#define AFTER_CALL() __asm__ volatile("" ::: "memory") /* keeps the call before it from being a tail call */

static __thread struct vz_memo *memo;
static uint32_t max_depth = 256;
static unsigned n_walks, n_failed;
static const char *scene = "";

/* ---- comparing with libgcc --------------------------------------------------------------------------------------- */

struct comparison {
    struct vz_context from;
    uint32_t id, n_compared, n_frames;
    bool found, differs, outermost;
};

static const struct vz_node *node_at(uint32_t id)
{
    return (const struct vz_node *)vz_region_page(vz_region->node_segments[id / VZ_NODES_PER_SEGMENT]) +
           id % VZ_NODES_PER_SEGMENT;
}

static _Unwind_Reason_Code on_frame(struct _Unwind_Context *context, void *argument)
{
    struct comparison *c = argument;
    int interrupted = 0;
    const uintptr_t pc = _Unwind_GetIPInfo(context, &interrupted);
    c->found |= pc == c->from.pc && (IS_EHABI || _Unwind_GetCFA(context) == c->from.sp);
    if (!c->found)
        return _URC_NO_REASON;
    if (pc == 0) {
        c->outermost = true;
        return _URC_NO_REASON;
    }
    c->n_frames++;
    if (c->id < VZ_NODE_FIRST) {
        c->differs |= c->id != VZ_NODE_CUT;
        return _URC_NO_REASON;
    }
    const struct vz_node *node = node_at(c->id);
    c->differs |= node->pc != pc || (!IS_EHABI && !!(node->generation & VZ_NODE_INTERRUPTED) != !!interrupted);
    c->id = node->parent;
    c->n_compared++;
    return _URC_NO_REASON;
}

static bool equals_libgcc(struct vz_context from, uint32_t id)
{
    struct comparison c = {.from = from, .id = id};
    _Unwind_Backtrace(on_frame, &c);
    if (!c.outermost && LIBGCC_STOPS_SHORT) /* of clone's frame, which has no unwind data */
        return c.found && !c.differs && (c.id < VZ_NODE_FIRST || node_at(c.id)->parent < VZ_NODE_FIRST);
    return c.found && !c.differs && c.outermost && c.id == (c.n_frames > max_depth ? VZ_NODE_CUT : VZ_NODE_ROOT) &&
           c.n_frames - c.n_compared == vz_unwind_cut(max_depth, c.n_frames);
}

/* ---- the stand-in for a hook ------------------------------------------------------------------------------------- */

static bool compare = true;

static NOINLINE uint32_t take(void)
{
    const struct vz_context from = vz_context_of_caller();
    if (!memo)
        memo = vz_memo_new(max_depth);
    const uint32_t id = vz_unwind(memo, from);
    __atomic_fetch_add(&n_walks, 1, __ATOMIC_RELAXED);
    if (compare && !equals_libgcc(from, id) && __atomic_fetch_add(&n_failed, 1, __ATOMIC_RELAXED) < 5)
        fprintf(stderr, "%s: walk %u differs from libgcc's\n", scene, n_walks);
    return id;
}

static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    n_failed++;
    fprintf(stderr, "%s: %s\n", scene, what);
}

/* ---- scenes ------------------------------------------------------------------------------------------------------ */

static NOINLINE void descend(unsigned depth)
{
    if (depth > 0)
        descend(depth - 1);
    take();
}

static NOINLINE uint32_t ladder(unsigned depth)
{
    const uint32_t id = depth > 0 ? ladder(depth - 1) : take();
    AFTER_CALL();
    return id;
}

static NOINLINE void expect_one_id(unsigned depth)
{
    uint32_t ids[2];
    for (volatile unsigned i = 0; i < 2; i++)
        ids[i] = ladder(depth);
    expect(ids[0] == ids[1], "same stack, two ids");
}

static unsigned random_state = 1;

static unsigned roll(unsigned n)
{
    random_state = random_state * 1103515245 + 12345;
    return (random_state >> 16) % n;
}

/* Two call sites and varying frames at each level, so that memos match in part. */
static NOINLINE void wander(unsigned depth, unsigned tag)
{
    volatile char *pad = alloca(16 + roll(3) * 64);
    pad[0] = (char)tag;
    if (depth == 0 || roll(4) == 0)
        take();
    if (depth == 0)
        return;
    if (roll(2))
        wander(depth - 1, tag + 1);
    else
        wander(depth - 1, tag + 2);
    if (roll(3) == 0)
        take();
}

static NOINLINE void realigned(unsigned depth)
{
    char buffer[100 + depth % 3] __attribute__((aligned(64)));
    __asm__ volatile("" : : "r"(buffer) : "memory");
    if (depth > 0)
        realigned(depth - 1);
    take();
    take();
}

/* The frame pointer's register changes in each turn, and is of no consequence or handed on. */
static NOINLINE void busy_registers(void)
{
    for (register unsigned long i = 0; i < 50; i++) {
        __asm__ volatile("" : "+r"(i) : : PRESERVED_REGISTERS, "memory");
        take();
    }
}

static NOINLINE void test_caps(void)
{
    static const uint32_t caps[] = {1, 2, 3, 5, 64, 127, 128, 200, 255, 256, 257, 1000, 65535};
    for (unsigned i = 0; i < sizeof caps / sizeof *caps; i++) {
        char name[32];
        snprintf(name, sizeof name, "cap %u", caps[i]);
        scene = name;
        max_depth = caps[i];
        memo = NULL;
        descend(700);
        wander(600, 0);
        for (unsigned depth = 1; depth < 800; depth += 1 + roll(60))
            expect_one_id(depth);
        descend(3);
    }
    max_depth = 256;
    memo = NULL;
}

static NOINLINE void test_deep(void)
{
    scene = "deep recursion";
    compare = false;
    const uint32_t n_nodes = atomic_load(&vz_region->n_nodes);
    descend(DEEP);
    expect(atomic_load(&vz_region->n_nodes) - n_nodes < 1000000, "nodes of deep recursion are not shared");
    compare = true;
    ladder(DEEP - DEEP / 100);
}

static void *on_deep_stack(void *unused)
{
    test_deep();
    return unused;
}

static void on_signal(int number)
{
    (void)number;
    take();
    descend(2);
}

static NOINLINE void raise_below(unsigned depth)
{
    if (depth > 0)
        raise_below(depth - 1);
    else
        raise(SIGUSR1);
    take();
}

static void test_signals(bool on_own_stack)
{
    scene = on_own_stack ? "handler on its own stack" : "handler";
    static char stack[65536];
    const stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = on_own_stack ? SA_ONSTACK : 0};
    sigaltstack(&own, NULL);
    sigaction(SIGUSR1, &action, NULL);
    for (unsigned i = 0; i < 20; i++)
        raise_below(i);
}

static sigjmp_buf escape;

static void on_signal_escape(int number)
{
    take();
    siglongjmp(escape, number);
}

static NOINLINE void test_escape(void)
{
    scene = "siglongjmp";
    signal(SIGUSR1, on_signal_escape);
    for (volatile unsigned i = 0; i < 20; i++) {
        if (sigsetjmp(escape, 1) == 0)
            raise_below(i);
        take();
        descend(2);
    }
}

static uint32_t root_of(uint32_t id)
{
    while (id >= VZ_NODE_FIRST)
        id = node_at(id)->parent;
    return id;
}

static ucontext_t outside, inside[20];

static void coroutine(void)
{
    for (unsigned i = 0;; i = (i + 1) % 5) {
        descend(i);
        expect(root_of(take()) == VZ_NODE_ROOT, "the end of a coroutine is taken for a gap");
        swapcontext(&inside[random_state % 20], &outside);
    }
}

/* A function of its own: getcontext returns twice for all that the compiler knows, and could clobber a caller's loop.
 */
static void make_coroutine(ucontext_t *context)
{
    getcontext(context);
    context->uc_stack.ss_size = 65536;
    context->uc_stack.ss_sp = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    makecontext(context, coroutine, 0);
}

static void test_coroutines(void)
{
    scene = "coroutines";
    compare = false; /* libgcc does not know that __start_context ends a stack */
    for (unsigned i = 0; i < 20; i++)
        make_coroutine(&inside[i]);
    for (unsigned turn = 0; turn < 400; turn++) {
        random_state = turn * 7;
        swapcontext(&outside, &inside[random_state % 20]);
        take();
    }
    compare = true;
}

static uint32_t descend_3(void)
{
    descend(3);
    return take();
}

static _Alignas(16) unsigned char stacks[2][65536];

static uint32_t descend_above(void)
{
    take();
    const uint32_t id = call_on_stack(descend_3, stacks[1] + sizeof stacks[1]) + call_on_stack(take, stacks[1] + 16384);
    return id + take();
}

static uint32_t descend_below(void)
{
    take();
    const uint32_t id = call_on_stack(descend_3, stacks[0] + sizeof stacks[0]) + call_on_stack(take, stacks[0] + 16384);
    return id + take();
}

static void test_stack_switches(void)
{
    scene = "stack switches";
    for (unsigned i = 0; i < 5; i++) {
        call_on_stack(descend_above, stacks[0] + sizeof stacks[0]);
        call_on_stack(descend_below, stacks[1] + sizeof stacks[1]);
        take();
    }
}

static void test_full_registers(void)
{
    scene = "CFA on another register";
    for (unsigned i = 0; i < 5; i++) {
        call_on_another(take);
        call_on_another(descend_3);
        take();
    }
}

static void test_jit(void)
{
    scene = "code without unwind data";
    compare = false;
    unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED)
        return;
    memcpy(code, framed, ODD_CODE_BYTES);
    memcpy(code + 64, frameless, ODD_CODE_BYTES);
    __builtin___clear_cache((char *)code, (char *)code + 128);
    uint32_t (*call_framed)(uint32_t(*)(void)), (*call_frameless)(uint32_t(*)(void));
    *(void **)&call_framed = code;
    *(void **)&call_frameless = code + 64;
    const uint32_t id = call_framed(take);
    expect(root_of(id) == VZ_NODE_ROOT, "not walked by frame pointer");
    expect(root_of(call_frameless(take)) == VZ_NODE_GAP, "a wrong frame pointer was believed");
    expect(call_framed(take) != id || root_of(id) == VZ_NODE_ROOT, "not stable");
    compare = true;
}

/* ---- stack use --------------------------------------------------------------------------------------------------- */

static unsigned char painted[65536];
static ucontext_t measurer;
static uint32_t (*measured)(void);
static uintptr_t measured_from;

static void measure(void)
{
    measured_from = (uintptr_t)__builtin_frame_address(0);
    measured();
    AFTER_CALL();
}

/* Bytes of stack below its caller's frame that a function touches. */
static size_t stack_used_by(uint32_t (*function)(void))
{
    enum { PAINT = 0x5a };
    memset(painted, PAINT, sizeof painted);
    getcontext(&measurer);
    measurer.uc_stack.ss_sp = painted;
    measurer.uc_stack.ss_size = sizeof painted;
    measurer.uc_link = &outside;
    makecontext(&measurer, measure, 0);
    measured = function;
    swapcontext(&outside, &measurer);
    size_t untouched = 0;
    while (untouched < sizeof painted && painted[untouched] == PAINT)
        untouched++;
    return measured_from - (uintptr_t)painted - untouched;
}

static uint32_t take_full(void) { return call_on_another(take) + 1; }

static void test_stack_use(void)
{
    scene = "stack use";
    compare = false;
    memo = NULL;
    const size_t first = stack_used_by(take), again = stack_used_by(take), full = stack_used_by(take_full);
    if (getenv("VERBOSE"))
        fprintf(stderr, "stack used: first walk %zu, known rules %zu, full walk %zu\n", first, again, full);
    expect(first <= STACK_LIMIT && full <= STACK_LIMIT && (again <= STACK_LIMIT / 4 || LIBGCC_STOPS_SHORT),
           "more than is allowed");
    compare = true;
}

/* ---- reach ------------------------------------------------------------------------------------------------------- */

static uintptr_t guarded;
static enum vz_reach reached;

static NOINLINE void inner_hook(void)
{
    reached = vz_unwind_reach(vz_context_of_caller(), guarded);
    AFTER_CALL();
}

static void on_signal_reach(int number)
{
    (void)number;
    inner_hook();
}

static NOINLINE void outer_hook(void (*work)(void))
{
    guarded = vz_context_of_caller().sp;
    work();
    AFTER_CALL();
}

static NOINLINE void raise_signal(void)
{
    raise(SIGUSR1);
    AFTER_CALL();
}

static void test_reach(bool on_own_stack)
{
    scene = on_own_stack ? "reach, own stack" : "reach";
    struct sigaction action = {.sa_handler = on_signal_reach, .sa_flags = on_own_stack ? SA_ONSTACK : 0};
    sigaction(SIGUSR1, &action, NULL);
    outer_hook(inner_hook);
    expect(reached == VZ_REACH_CALLED, "a nested call is not recognised");
    outer_hook(raise_signal);
    expect(reached == VZ_REACH_INTERRUPTED, "a handler's call is not recognised");
    guarded += 8;
    inner_hook();
    expect(reached == VZ_REACH_NOT, "a hook that is gone was met");
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static NOINLINE void test_calls(void)
{
    scene = "calls";
    for (unsigned i = 0; i < 20; i++)
        descend(i % 7);
    expect_one_id(20);
    for (unsigned i = 0; i < 300; i++)
        wander(30, i);
    busy_registers();
    scene = "realigned frames";
    for (unsigned i = 0; i < 5; i++)
        realigned(5);
}

static void *run_thread(void *unused)
{
    for (unsigned i = 0; i < 100; i++) {
        descend(10);
        busy_registers();
    }
    return unused;
}

static void test_threads(void)
{
    pthread_t threads[4];
    scene = "threads";
    for (int i = 0; i < 4; i++)
        expect(pthread_create(&threads[i], NULL, run_thread, NULL) == 0, "no thread");
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static void run_deep(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)64 << 20);
    expect(pthread_create(&thread, &attributes, on_deep_stack, NULL) == 0, "no thread");
    pthread_join(thread, NULL);
}

int main(void)
{
    image_start();
    test_calls();
    test_caps();
    test_signals(false);
    test_signals(true);
    test_reach(false);
    test_reach(true);
    test_escape();
    test_coroutines();
    test_full_registers();
    test_stack_switches();
    if (HAS_FRAME_POINTERS)
        test_jit();
    test_stack_use();
    test_threads();
    run_deep();
    if (n_failed > 0)
        fprintf(stderr, "%u of %u walks wrong\n", n_failed, n_walks);
    return n_failed > 0;
}
