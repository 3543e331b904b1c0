"""Tables of the history of runs. One script a version: never change one that was released; add the next."""

UPGRADES: tuple[str, ...] = (
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        state TEXT NOT NULL,
        records TEXT NOT NULL,
        recipe TEXT NOT NULL,
        base TEXT NOT NULL,
        method TEXT NOT NULL,
        train_rows INTEGER NOT NULL DEFAULT 0,
        total_steps INTEGER NOT NULL DEFAULT 0,
        step INTEGER NOT NULL DEFAULT 0,
        best_step INTEGER,
        best_name TEXT NOT NULL DEFAULT '',
        best_value REAL,
        best_before REAL,
        created REAL NOT NULL,
        started REAL,
        ended REAL,
        seconds REAL NOT NULL DEFAULT 0,
        tokens INTEGER NOT NULL DEFAULT 0,
        error TEXT NOT NULL DEFAULT '',
        note TEXT NOT NULL DEFAULT '',
        resumed_from TEXT NOT NULL DEFAULT '',
        device TEXT NOT NULL DEFAULT '',
        facts TEXT NOT NULL DEFAULT '{}',
        request TEXT NOT NULL DEFAULT '',
        owner_pid INTEGER NOT NULL,
        owner_token TEXT NOT NULL
    );
    CREATE TABLE points (
        run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
        step INTEGER NOT NULL,
        loss REAL, rate REAL, norm REAL, tokens INTEGER, elapsed REAL, memory INTEGER, epoch REAL,
        PRIMARY KEY (run, step)
    ) WITHOUT ROWID;
    CREATE TABLE scores (
        run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
        step INTEGER NOT NULL, name TEXT NOT NULL, value REAL,
        PRIMARY KEY (run, step, name)
    ) WITHOUT ROWID;
    CREATE TABLE samples (
        run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
        step INTEGER NOT NULL, number INTEGER NOT NULL, prompt TEXT NOT NULL, expected TEXT NOT NULL, answer TEXT NOT NULL,
        PRIMARY KEY (run, step, number)
    ) WITHOUT ROWID;
    CREATE TABLE evaluations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        model TEXT NOT NULL,
        made REAL NOT NULL,
        report TEXT NOT NULL
    );
    CREATE INDEX evaluations_by_model ON evaluations (model);
    """,
)
