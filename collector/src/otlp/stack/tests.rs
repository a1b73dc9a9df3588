//! Stack traces as the runtimes print them.

use super::{Frame, read};

const fn frame<'a>(path: &'a str, line: u32, label: &'a str) -> Frame<'a> {
    Frame { path, line, label }
}

/// The frames of a stack trace that tells of no cause.
fn frames<'a>(language: &str, text: &'a str) -> Vec<Frame<'a>> {
    let mut thrown = read(language, text);
    assert_eq!(thrown.len(), 1);
    thrown.remove(0).stack
}

#[test]
fn java_frames_lose_loader_and_module_and_suppressed_ones_are_skipped() {
    let text = "java.lang.IllegalStateException: state is\n\nnot legal\n\
        \tat io.example.Shop.buy(Shop.java:16)\n\
        \tat java.base/java.util.ArrayList.forEach(ArrayList.java:1541)\r\n\
        \tat app//io.example.Main$$Lambda.run(Unknown Source)\n\
        \tat jdk.internal.reflect.Reflect.invoke0(Native Method)\n\
        \tat odd frame\n\
        \tSuppressed: java.lang.Exception: hidden\n\
        \t\tat io.example.Hidden.close(Hidden.java:1)\n\
        \tCaused by: java.lang.Exception: hidden as well\n\
        \t... 3 more\n";
    let expected = [
        frame("Shop.java", 16, "io.example.Shop.buy"),
        frame("ArrayList.java", 1541, "java.util.ArrayList.forEach"),
        frame("Unknown Source", 0, "/io.example.Main$$Lambda.run"),
        frame("Native Method", 0, "jdk.internal.reflect.Reflect.invoke0"),
    ];
    assert_eq!(frames("java", text), expected);
    assert_eq!(frames("php", text), expected);
}

#[test]
fn java_causes_follow_with_type_message_and_frames() {
    let text = "a.A: outer\n\tat p.C.m(C.java:1)\n\
        Caused by: b.B: two\nlines: here\n\tat p.D.n(D.java:2)\n\t... 1 more\n\
        Caused by: c.C\n\t... 2 more\n";
    let thrown = read("java", text);
    assert_eq!(thrown.len(), 3);
    assert_eq!(thrown[0].stack, [frame("C.java", 1, "p.C.m")]);
    assert_eq!(
        (thrown[1].kind, &*thrown[1].message),
        ("b.B", "two\nlines: here")
    );
    assert_eq!(thrown[1].stack, [frame("D.java", 2, "p.D.n")]);
    assert_eq!((thrown[2].kind, &*thrown[2].message), ("c.C", ""));
    assert_eq!(thrown[2].stack, []);
}

#[test]
fn python_frames_are_read_from_the_bottom_up() {
    let text = "Traceback (most recent call last):\n\
        \x20 File \"/srv/app, old/main.py\", line 8, in <module>\n\
        \x20   handler()\n\
        \x20   ^^^^^^^^^\n\
        \x20 File \"/srv/app/shop.py\", line 42, in handler\n\
        \x20   raise ValueError('a')\n\
        ValueError: a\n";
    let expected = [
        frame("/srv/app/shop.py", 42, "handler"),
        frame("/srv/app, old/main.py", 8, "<module>"),
    ];
    assert_eq!(frames("python", text), expected);
}

#[test]
fn python_causes_are_separated_by_a_sentence() {
    let text = "Traceback (most recent call last):\n\
        \x20 File \"a.py\", line 1, in first\n\
        \x20   d['k']\n\
        \x20   ~^^^^^\n\
        KeyError: 'k'\n\
        more of it\n\
        \n\
        During handling of the above exception, another exception occurred:\n\
        \n\
        Traceback (most recent call last):\n\
        \x20 File \"b.py\", line 2, in second\n\
        \x20   raise Stop\n\
        Stop\n\
        \n\
        The above exception was the direct cause of the following exception:\n\
        \n\
        Traceback (most recent call last):\n\
        \x20 File \"c.py\", line 3, in third\n\
        RuntimeError: late\n";
    let thrown = read("python", text);
    let told: Vec<_> = thrown
        .iter()
        .map(|thrown| (thrown.kind, &*thrown.message))
        .collect();
    assert_eq!(
        told,
        [("", ""), ("Stop", ""), ("KeyError", "'k'\nmore of it")]
    );
    let places: Vec<_> = thrown.iter().map(|thrown| thrown.stack.clone()).collect();
    let expected = [
        [frame("c.py", 3, "third")],
        [frame("b.py", 2, "second")],
        [frame("a.py", 1, "first")],
    ];
    assert_eq!(places, expected);
}

#[test]
fn javascript_positions_are_split_from_the_right() {
    let text = "Error: boom\n\
        \x20   at /srv/app/main.js:14:289\n\
        \x20   at Object.<anonymous> (/srv/app/main.js:16:3)\n\
        \x20   at Function.executeUserEntryPoint [as runMain] (node:internal/modules/run_main:164:12)\n\
        \x20   at node:internal/main/run_main_module:28:49\n\
        \x20   at async load (file:///srv/app/esm.mjs:3:1)\n\
        \x20   at run (C:\\app\\main.js:5:6)\n\
        \x20   at Array.map (native)\n\
        \x20   at async Promise.all (index 0)\n\
        \x20   at <anonymous>\n\
        no frame\n";
    let expected = [
        frame("/srv/app/main.js", 14, ""),
        frame("/srv/app/main.js", 16, "Object.<anonymous>"),
        frame(
            "node:internal/modules/run_main",
            164,
            "Function.executeUserEntryPoint [as runMain]",
        ),
        frame("node:internal/main/run_main_module", 28, ""),
        frame("file:///srv/app/esm.mjs", 3, "async load"),
        frame("C:\\app\\main.js", 5, "run"),
        frame("native", 0, "Array.map"),
        frame("index 0", 0, "async Promise.all"),
        frame("<anonymous>", 0, ""),
    ];
    for language in ["javascript", "nodejs", "webjs"] {
        assert_eq!(frames(language, text), expected, "{language}");
    }
}

#[test]
fn dotnet_frames_have_a_position_only_with_symbols() {
    let text = "System.Exception: boom\r\n \
        ---> System.InvalidOperationException: inner\r\n\
        \x20  at Shop.Cart.Buy(Int32 id, String why) in C:\\built in\\Cart.cs:line 21\r\n\
        \x20  --- End of inner exception stack trace ---\r\n\
        \x20  at Shop.Program.<Main>d__0.MoveNext() in /src/Program.cs:line 7\r\n\
        \x20  at System.Threading.Tasks.Task.Run(Action action)\r\n\
        \x20  at nowhere\r\n";
    let expected = [
        frame(
            "C:\\built in\\Cart.cs",
            21,
            "Shop.Cart.Buy(Int32 id, String why)",
        ),
        frame("/src/Program.cs", 7, "Shop.Program.<Main>d__0.MoveNext()"),
        frame("", 0, "System.Threading.Tasks.Task.Run(Action action)"),
    ];
    assert_eq!(frames("dotnet", text), expected);
}

#[test]
fn go_frames_are_pairs_of_lines() {
    let text = "goroutine 1 [running]:\n\
        runtime/debug.Stack(0x1, {0x2, 0x3})\n\
        \t/usr/local/go/src/runtime/debug/stack.go:24 +0x65\n\
        main.(*Shop).Buy(...)\n\
        \t/srv/my app/shop.go:12\n\
        created by main.main in goroutine 7\n\
        \tC:/app/main.go:5 +0x1d\n\
        \n\
        goroutine 5 [select]:\n\
        main.wait()\n\
        \t/srv/wait.go:9 +0x4\n\
        exit status 2\n";
    let expected = [
        frame(
            "/usr/local/go/src/runtime/debug/stack.go",
            24,
            "runtime/debug.Stack(0x1, {0x2, 0x3})",
        ),
        frame("/srv/my app/shop.go", 12, "main.(*Shop).Buy(...)"),
        frame("C:/app/main.go", 5, "created by main.main in goroutine 7"),
        frame("/srv/wait.go", 9, "main.wait()"),
    ];
    assert_eq!(frames("go", text), expected);
    let with_message = format!("panic: boom\n{text}");
    assert_eq!(frames("go", &with_message), expected);
}

#[test]
fn an_unknown_language_and_no_text_have_no_frames() {
    let text = "Error: boom\n    at main.js:1:2\n";
    for (language, text) in [
        ("ruby", text),
        ("", text),
        ("JAVA", text),
        ("java", ""),
        ("go", ""),
    ] {
        assert_eq!(frames(language, text), [], "{language}");
    }
}
