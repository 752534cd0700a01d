// Before the package is packed: the program of this platform, without debug information, goes where
// find-program.mjs looks for it.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

import { findProgram, packedProgram } from './src/find-program.mjs';

const target = packedProgram();
mkdirSync(dirname(target), { recursive: true });
const strip = process.env['STRIP'] ?? 'llvm-strip-19';
execFileSync(strip, ['-o', target, findProgram({ packed: false })], { stdio: 'inherit' });
