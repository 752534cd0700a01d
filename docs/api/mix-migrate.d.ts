/** What the rewriting of one text came to. */
export interface Rewritten {
  text: string;
  /** Specifiers that were replaced, as they were. */
  replaced: string[];
  /** Specifiers that somebody has to look at: they lead into the old packages. */
  left: string[];
}
/** Replaces the old packages' names where they stand as whole string literals. */
export declare function rewriteSource(text: string): Rewritten;
/** Replaces the old packages in the dependencies of a package.json, by `version`. */
export declare function rewriteManifest(text: string, version: string): Rewritten;
/** A file that differs after the rewriting, or holds something to look at. */
export interface Finding extends Rewritten {
  file: string;
}
/** Looks at a file, or at all files of a folder that may name packages. Writes nothing. */
export declare function examine(path: string, version: string): Finding[];
