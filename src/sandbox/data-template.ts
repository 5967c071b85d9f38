// The ready template `data`: Python with the packages of an analyst's day, pinned. Every version has wheels for Python 3.10 to 3.13.

import type { Template } from "./templates.ts";

/** What a caller asks for. */
const wanted = [
  "numpy==2.2.6",
  "pandas==2.3.3",
  "matplotlib==3.10.9",
  "scipy==1.15.3",
  "scikit-learn==1.7.2",
  "pillow==12.3.0",
  "openpyxl==3.1.5",
  "pyarrow==25.0.1",
  "requests==2.34.2",
  "beautifulsoup4==4.15.0",
  "lxml==6.1.3",
  "sympy==1.14.0",
  "networkx==3.4.2",
  "seaborn==0.13.2",
  "plotly==7.1.0",
  "pypdf==7.1.1",
  "python-docx==1.2.0",
];

/** What those need, pinned as well, so that the same is built on every day; and pip, for interpreters that come without. */
const needed = [
  "certifi==2026.10.19.post1",
  "charset-normalizer==3.5.3",
  "cloudpickle==3.1.3",
  "contourpy==1.3.2",
  "cycler==0.12.1",
  "et_xmlfile==2.0.0",
  "fonttools==4.65.0",
  "idna==3.20",
  "joblib==1.6.0",
  "kiwisolver==1.5.1",
  "mpmath==1.3.0",
  "narwhals==2.29.0",
  "packaging==26.4",
  "pyparsing==3.3.3",
  "python-dateutil==3.0.0",
  "pytz==2026.6",
  "six==1.17.0",
  "soupsieve==2.10",
  "threadpoolctl==3.8.0",
  "typing_extensions==4.16.0",
  "tzdata==2026.6",
  "urllib3==2.8.0",
  "pip==25.0.1",
];

/** Offered where its packages have been built, or where the templates file has a table of this name. */
export const dataTemplate: Template = {
  name: "data",
  language: "python",
  image: { kind: "registry", reference: "python:3.13-slim" },
  serverImage: "microsandbox/python",
  env: {},
  packages: { kind: "requirements", text: `${[...wanted, ...needed].join("\n")}\n` },
};
