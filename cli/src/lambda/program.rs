//! Which program runs the function: a runtime interface client, `bootstrap`, or what was named.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::options::{Language, Options};

/// A program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Program {
    /// Found along `PATH` unless it is a path.
    pub(super) file: PathBuf,
    /// Its arguments.
    pub(super) arguments: Vec<OsString>,
    /// The language, if it is a client that is known.
    pub(super) language: Option<Language>,
}

/// Why there is no program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ProgramError {
    /// Nothing says what to run.
    #[error(
        "nothing to run: name --handler MODULE.FUNCTION or -- COMMAND, or put an executable bootstrap into {0}"
    )]
    Nothing(String),
    /// The handler does not say which function.
    #[error("--handler {0}: a handler is MODULE.FUNCTION, for instance app.handler")]
    Handler(String),
    /// The handler's file is of no language that is known.
    #[error(
        "--handler {handler}: there is no {module}.py, .js, .mjs or .cjs in {root}; with another name or language give --runtime or -- COMMAND"
    )]
    NoFile {
        /// As given.
        handler: String,
        /// Its module.
        module: String,
        /// The directory of the code.
        root: String,
    },
    /// Node has no client.
    #[error("aws-lambda-ric is not installed in {0} or on the PATH: npm install aws-lambda-ric")]
    NoNodeClient(String),
}

/// The program for these options and the code in `root`.
///
/// # Errors
/// See [`ProgramError`].
pub(super) fn program(options: &Options, root: &Path) -> Result<Program, ProgramError> {
    if let [file, arguments @ ..] = options.command.as_slice() {
        return Ok(Program {
            file: file.into(),
            arguments: arguments.to_vec(),
            language: None,
        });
    }
    let Some(handler) = &options.handler else {
        let bootstrap = root.join("bootstrap");
        return if bootstrap.is_file() {
            Ok(Program {
                file: bootstrap,
                arguments: Vec::new(),
                language: None,
            })
        } else {
            Err(ProgramError::Nothing(root.display().to_string()))
        };
    };
    let language = match options.runtime {
        Some(language) => language,
        None => language_of(handler, root)?,
    };
    let (file, mut arguments) = match language {
        Language::Python => (python(root), vec!["-m".into(), "awslambdaric".into()]),
        Language::Node => {
            let client = node_client(root)
                .ok_or_else(|| ProgramError::NoNodeClient(root.display().to_string()))?;
            (client, Vec::new())
        }
    };
    arguments.push(handler.into());
    Ok(Program {
        file,
        arguments,
        language: Some(language),
    })
}

/// The language whose file the handler's module is.
fn language_of(handler: &str, root: &Path) -> Result<Language, ProgramError> {
    let (module, function) = handler
        .rsplit_once('.')
        .ok_or_else(|| ProgramError::Handler(handler.to_owned()))?;
    if module.is_empty() || function.is_empty() {
        return Err(ProgramError::Handler(handler.to_owned()));
    }
    // Python's packages may be written with dots as well
    let python = [module.to_owned(), module.replace('.', "/")];
    if python
        .iter()
        .any(|module| root.join(format!("{module}.py")).is_file())
    {
        return Ok(Language::Python);
    }
    let extensions = ["js", "mjs", "cjs"];
    if extensions
        .iter()
        .any(|extension| root.join(format!("{module}.{extension}")).is_file())
    {
        return Ok(Language::Node);
    }
    Err(ProgramError::NoFile {
        handler: handler.to_owned(),
        module: module.to_owned(),
        root: root.display().to_string(),
    })
}

/// The code's own virtual environment, else what `PATH` has, which is the one that is activated.
fn python(root: &Path) -> PathBuf {
    [".venv", "venv"]
        .iter()
        .map(|folder| root.join(folder).join("bin/python"))
        .find(|python| python.is_file())
        .unwrap_or_else(|| "python3".into())
}

/// The client among the modules of the code or of a directory above it, as Node looks for modules, or
/// on `PATH`.
fn node_client(root: &Path) -> Option<PathBuf> {
    const NAME: &str = "aws-lambda-ric";
    let of_code = root
        .ancestors()
        .map(|folder| folder.join("node_modules/.bin").join(NAME));
    let path = env::var_os("PATH").unwrap_or_default();
    let of_path = on_path(&path, NAME);
    of_code.chain(of_path).find(|file| file.is_file())
}

fn on_path(path: &OsStr, name: &str) -> Vec<PathBuf> {
    env::split_paths(path)
        .map(|folder| folder.join(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn found(root: &Path, arguments: &[&str]) -> Result<Program, ProgramError> {
        let line = Line::parse_from([&["lambda"], arguments].concat());
        program(&line.options, root)
    }

    #[test]
    fn the_handlers_file_tells_the_language() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("shop")).unwrap();
        fs::create_dir_all(root.path().join("node_modules/.bin")).unwrap();
        for file in [
            "app.py",
            "shop/orders.py",
            "web.mjs",
            "node_modules/.bin/aws-lambda-ric",
        ] {
            fs::write(root.path().join(file), "").unwrap();
        }
        for (handler, expected) in [
            ("app.handler", Language::Python),
            ("shop.orders.handler", Language::Python),
            ("shop/orders.handler", Language::Python),
            ("web.handler", Language::Node),
        ] {
            let program = found(root.path(), &["--handler", handler]).unwrap();
            assert_eq!(program.language, Some(expected), "{handler}");
            assert_eq!(program.arguments.last(), Some(&OsString::from(handler)));
        }
    }

    #[test]
    fn a_command_goes_before_everything_and_bootstrap_is_the_last_resort() {
        let root = tempfile::tempdir().unwrap();
        let program = found(
            root.path(),
            &["--handler", "app.handler", "--", "./run", "-x"],
        )
        .unwrap();
        assert_eq!(
            (program.file, program.arguments),
            ("./run".into(), vec!["-x".into()])
        );
        fs::write(root.path().join("bootstrap"), "").unwrap();
        let program = found(root.path(), &[]).unwrap();
        assert_eq!(program.file, root.path().join("bootstrap"));
    }

    #[test]
    fn what_cannot_be_run_says_what_to_do() {
        let root = tempfile::tempdir().unwrap();
        for (arguments, expected) in [
            (&[][..], "nothing to run: name --handler"),
            (
                &["--handler", "app"],
                "--handler app: a handler is MODULE.FUNCTION",
            ),
            (
                &["--handler", ".app"],
                "--handler .app: a handler is MODULE.FUNCTION",
            ),
            (
                &["--handler", "app.handler"],
                "--handler app.handler: there is no app.py",
            ),
        ] {
            let message = found(root.path(), arguments).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }

    #[test]
    fn a_virtual_environment_of_the_code_is_preferred() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(python(root.path()), Path::new("python3"));
        fs::create_dir_all(root.path().join("venv/bin")).unwrap();
        fs::write(root.path().join("venv/bin/python"), "").unwrap();
        assert_eq!(python(root.path()), root.path().join("venv/bin/python"));
    }
}
